// switchyard-cli logits: the logits at every position of given ids, as a NumPy file.
#include "app/cli/commands.h"
#include "app/cli/model_options.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"
#include "engine/files/output_file.h"
#include "engine/run/evaluate.h"

#include <charconv>

namespace switchyard {
namespace {

struct LogitsArguments {
    ModelOptions model;
    std::string ids, ids_file, out;
};

/// Numbers parted by commas, white space or the brackets of a JSON array.
std::vector<std::int32_t> parse_ids(const std::string& text, const std::string& where) {
    std::vector<std::int32_t> ids;
    const char* at = text.data();
    const char* end = at + text.size();
    while (at < end) {
        if (std::string_view(", \t\r\n[]").find(*at) != std::string_view::npos) {
            ++at;
            continue;
        }
        std::int32_t id = 0;
        const auto [next, error] = std::from_chars(at, end, id);
        if (error != std::errc{})
            throw Error(where + ": \"" + std::string(at, std::min(end, at + 12)) + "\" is not a token id");
        ids.push_back(id);
        at = next;
    }
    if (ids.empty())
        throw Error(where + " has no token ids");
    return ids;
}

/// A float32 array [rows, cols] in NumPy's format 1.0, written row by row.
class NpyWriter {
  public:
    NpyWriter(const std::string& path, std::size_t rows, std::size_t cols) : file_(path) {
        std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) +
                             ", " + std::to_string(cols) + "), }";
        constexpr std::size_t kPrefix = 10, kAlign = 64;
        while ((kPrefix + header.size() + 1) % kAlign != 0)
            header += ' ';
        header += '\n';
        std::string prefix = "\x93NUMPY";
        prefix += '\1';
        prefix += '\0';
        prefix += static_cast<char>(header.size() & 0xff);
        prefix += static_cast<char>(header.size() >> 8);
        file_.write(prefix.data(), prefix.size());
        file_.write(header.data(), header.size());
    }

    void row(std::span<const float> values) { file_.write(values.data(), values.size_bytes()); }
    void finish() { file_.finish(); }

  private:
    OutputFile file_;
};

void run_logits(const LogitsArguments& options) {
    const std::filesystem::path inputs[] = {options.model.path(), options.ids_file},
                                outputs[] = {options.out};
    check_not_read(options.out, inputs);
    const std::vector<std::filesystem::path> replaced = existing_files(outputs);
    const std::vector<std::int32_t> ids = options.ids_file.empty()
                                              ? parse_ids(options.ids, "--ids")
                                              : parse_ids(read_text_file(options.ids_file), options.ids_file);
    const auto model = options.model.load();
    const Tuning tuning = options.model.tuning(*model);
    const auto weights = recoded_weights(*model, tuning.model);
    NpyWriter writer(options.out, ids.size(), static_cast<std::size_t>(model->plan().vocabulary));
    EvaluateOptions settings;
    settings.experts = tuning.sequence.experts;
    settings.kv = tuning.sequence.kv;
    settings.activation_bits = tuning.sequence.activation_bits;
    evaluate(model->executor(), model->backend(), model->plan(), weights, ids, settings,
             [&](int, std::span<const float> logits) { writer.row(logits); });
    writer.finish();
    print_replaced(replaced);
}

} // namespace

void add_logits(CLI::App& app) {
    auto options = std::make_shared<LogitsArguments>();
    CLI::App* command = app.add_subcommand("logits", "Write the logits at every position of token ids");
    options->model.add_to(*command, {"experts", "quant", "kv", "activations"});
    CLI::Option* ids = command->add_option("--ids", options->ids, "Token ids: 1,2,3");
    CLI::Option* file = command->add_option("--ids-file", options->ids_file,
                                            "A file with token ids, a JSON array or parted by white space");
    ids->excludes(file);
    command->add_option("--out", options->out, "NumPy file to write: float32 [tokens, vocabulary]")
        ->required();
    command->callback([options, ids, file] {
        if (ids->empty() && file->empty())
            throw CLI::RequiredError("--ids or --ids-file");
        run_logits(*options);
    });
}

} // namespace switchyard
