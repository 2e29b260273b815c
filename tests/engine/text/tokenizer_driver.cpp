// Tokenizes many texts, one JSON object a line. In: {"model": GGUF file or folder} or {"files": {"tokenizer",
// "tokenizer_config"}} opens a tokenizer, {"texts", "special", "ids"} uses it. Out: {"ids", "decoded"} of
// texts,
// {"decoded"} of ids, or {"error"}. {"measure": file} tokenizes a file: {"bytes", "tokens", "cpu_seconds"}.
// For comparing with other implementations by hand.
#include "engine/base/error.h"
#include "engine/files/gguf.h"
#include "engine/model/model_config.h"
#include "engine/text/tokenizer.h"
#include "engine/text/tokenizer_json.h"

#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace switchyard {
namespace {

using nlohmann::json;

std::unique_ptr<Tokenizer> open(const json& request) {
    if (request.contains("files")) {
        TokenizerFiles files;
        files.tokenizer = request["files"].value("tokenizer", json());
        files.tokenizer_config = request["files"].value("tokenizer_config", json());
        return tokenizer_from_files(files, "request");
    }
    const std::filesystem::path path = request.at("model").get<std::string>();
    if (std::filesystem::is_directory(path))
        return load_tokenizer_folder(path);
    return make_tokenizer(read_tokenizer(*open_gguf(path)).value());
}

/// What a reader of the stream has seen once the last token has come.
std::string streamed(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
    Utf8Assembler whole;
    std::string text;
    for (const std::int32_t id : ids)
        text += whole.push(tokenizer.token_bytes(id));
    return text + whole.flush();
}

json use(const Tokenizer& tokenizer, const json& request) {
    json answer = {{"ids", json::array()}, {"decoded", json::array()}, {"streamed", json::array()}};
    for (const json& text : request.value("texts", json::array())) {
        const auto ids =
            tokenizer.encode(text.get_ref<const std::string&>(), request.value("special", false));
        answer["ids"].push_back(ids);
        answer["decoded"].push_back(tokenizer.decode(ids));
        answer["streamed"].push_back(streamed(tokenizer, ids));
    }
    for (const json& ids : request.value("ids", json::array()))
        answer["decoded"].push_back(tokenizer.decode(ids.get<std::vector<std::int32_t>>()));
    return answer;
}

json measure(const Tokenizer& tokenizer, const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::clock_t begin = std::clock();
    const std::size_t tokens = tokenizer.encode(text, false).size();
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    return {{"bytes", text.size()}, {"tokens", tokens}, {"cpu_seconds", seconds}};
}

} // namespace
} // namespace switchyard

int main() {
    using namespace switchyard;
    std::ios::sync_with_stdio(false);
    std::unique_ptr<Tokenizer> tokenizer;
    std::string line;
    while (std::getline(std::cin, line)) {
        json answer = json::object();
        try {
            const json request = json::parse(line);
            if (request.contains("model") || request.contains("files")) {
                tokenizer.reset();
                tokenizer = open(request);
            }
            if (!tokenizer)
                throw Error("No tokenizer is open");
            answer = request.contains("measure") ? measure(*tokenizer, request["measure"])
                                                 : use(*tokenizer, request);
        } catch (const Error& error) {
            answer["error"] = error.what();
        }
        std::cout << answer.dump() << std::endl;
    }
}
