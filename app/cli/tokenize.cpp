// switchyard-cli tokenize: the ids and tokens of texts.
#include "app/cli/commands.h"
#include "app/cli/model_options.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"
#include "engine/model/model_config.h"
#include "engine/text/tokenizer.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace switchyard {

namespace {

struct TokenizeArguments {
    std::string model, text;
    std::vector<std::string> files;
    bool no_special = false, json = false;
};

std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& path) {
    if (std::filesystem::is_directory(path))
        return load_tokenizer_folder(path);
    const auto file = open_gguf(path);
    auto data = read_tokenizer(*file);
    if (!data)
        throw Error(path.string() + " has no tokenizer");
    return make_tokenizer(std::move(*data));
}

std::string read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (in && in.peek() != std::ifstream::traits_type::eof())
        text << in.rdbuf();
    if (in.bad() || !in.is_open() || std::filesystem::is_directory(path))
        throw Error("Cannot read " + path);
    return text.str();
}

// A token may hold part of a character; its bytes are shown as they can be.
nlohmann::json to_json(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
    nlohmann::json tokens = nlohmann::json::array();
    for (const std::int32_t id : ids) {
        Utf8Assembler whole;
        std::string text = whole.push(tokenizer.token_bytes(id));
        tokens.push_back(text + whole.flush());
    }
    return {{"ids", ids}, {"tokens", tokens}};
}

void print_table(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
    for (const std::int32_t id : ids) {
        Utf8Assembler whole;
        std::string text = whole.push(tokenizer.token_bytes(id));
        text += whole.flush();
        std::printf("%7d  %s\n", id, json_text(text).c_str());
    }
}

void run_tokenize(const TokenizeArguments& options, bool has_text) {
    std::vector<std::string> texts;
    if (has_text)
        texts.push_back(options.text);
    for (const std::string& file : options.files)
        texts.push_back(read_text(file));
    const auto tokenizer = open_tokenizer(options.model);
    print_note(tokenizer->note());
    nlohmann::json all = nlohmann::json::array();
    for (const std::string& text : texts) {
        const auto ids = tokenizer->encode(text, !options.no_special);
        if (options.json)
            all.push_back(to_json(*tokenizer, ids));
        else
            print_table(*tokenizer, ids);
    }
    if (options.json)
        std::printf("%s\n", json_text(texts.size() == 1 ? all[0] : all, -1).c_str());
}

} // namespace

void add_tokenize(CLI::App& app) {
    auto options = std::make_shared<TokenizeArguments>();
    CLI::App* command = app.add_subcommand("tokenize", "Show the token ids of texts");
    command->add_option("model", options->model, "GGUF file or folder with tokenizer files")->required();
    CLI::Option* text = command->add_option("--text", options->text, "The text");
    CLI::Option* files =
        command->add_option("--file", options->files, "A file with the text; may be repeated");
    text->excludes(files);
    command->add_flag("--no-special", options->no_special, "Add no BOS or EOS token");
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([options, text, files] {
        if (text->empty() && files->empty())
            throw CLI::RequiredError("--text or --file");
        run_tokenize(*options, !text->empty());
    });
}

} // namespace switchyard
