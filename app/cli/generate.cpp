// switchyard-cli generate: one answer, with dials that move at given tokens, and its record as JSON.
#include "app/cli/answer_printer.h"
#include "app/cli/commands.h"
#include "app/cli/model_options.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/run/chat_prompt.h"

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace switchyard {
namespace {

struct GenerateArguments {
    ModelOptions model;
    std::string prompt, system, replay;
    std::vector<std::string> at;
    bool raw = false, json = false, stats = false, special_tokens = false;
};

/// "20:experts=2"
DialMove parse_move(const std::string& text) {
    const auto colon = text.find(':');
    int token = -1;
    const char* end = text.data() + (colon == std::string::npos ? 0 : colon);
    const auto [next, error] = std::from_chars(text.data(), end, token);
    if (error != std::errc{} || next != end || token < 0)
        throw CLI::ValidationError("--at", "\"" + text + "\" is not TOKEN:NAME=VALUE");
    const auto [spec, value] = parse_assignment("--at", text.substr(colon + 1));
    return {token, std::string(spec->name), value};
}

ChatPrompt make_prompt(const GenerateArguments& options, const LoadedModel& model,
                       const SequenceTuning& tuning, const std::stop_token& stop) {
    if (options.raw)
        return {text_prompt(model, options.prompt), {}};
    auto messages = nlohmann::ordered_json::array();
    if (!options.system.empty())
        messages.push_back({{"role", "system"}, {"content", options.system}});
    messages.push_back({{"role", "user"}, {"content", options.prompt}});
    return chat_prompt(model, messages, ChatPromptOptions(tuning, stop));
}

std::shared_ptr<const RunRecord> read_record(const std::string& path) {
    try {
        return std::make_shared<RunRecord>(
            run_record_from_json(nlohmann::ordered_json::parse(read_text_file(path))));
    } catch (const nlohmann::json::exception& e) {
        throw Error(path + ": " + e.what());
    } catch (const Error& e) {
        throw Error(path + ": " + e.what());
    }
}

/// "text": all that can be read, as it came; "parts": its thinking and what it says, apart.
void print_json(const RunRecord& record, const std::string& text, const AnswerPrinter* parts,
                const nlohmann::ordered_json& device) {
    nlohmann::ordered_json json = {{"text", text}};
    if (parts) {
        json["parts"] = nlohmann::ordered_json::array();
        for (const AnswerPiece& piece : parts->parts())
            json["parts"].push_back(
                {{"kind", piece.part == AnswerPart::Thinking ? "thinking" : "text"}, {"text", piece.text}});
    }
    json.update(to_json(record));
    json["device"] = device;
    std::printf("%s\n", json_text(json).c_str());
}

/// "prompt 12 tokens, 230.1 tokens/s; answer 64 tokens, 31.2 tokens/s; 87 % of experts found on the card, 1.2
/// GiB fetched"
std::string stats_text(const RunTimings& t) {
    char text[160];
    std::snprintf(text, sizeof text, "prompt %d tokens, %.1f tokens/s; answer %d tokens, %.1f tokens/s",
                  t.prompt_tokens, t.prefill_tokens_per_second(), t.generated_tokens,
                  t.decode_tokens_per_second());
    std::string all = text;
    if (t.experts.hits + t.experts.misses > 0) {
        std::snprintf(text, sizeof text, "; %.0f %% of experts found on the card, ",
                      100 * t.experts.hit_rate());
        all += text + format_bytes(t.experts.bytes) + " fetched";
    }
    return all;
}

void run_generate(const GenerateArguments& options, const std::vector<DialMove>& moves) {
    const auto model = options.model.load();
    for (const DialMove& move : moves) {
        if (move.name == "experts" && std::get<double>(move.value) > 0)
            check_experts(*model, static_cast<int>(std::get<double>(move.value)));
        note_substitute(*model, *find_control(move.name), move.value);
    }
    Tuning tuning = options.model.tuning(*model);
    tuning.sequence.special_tokens |= options.special_tokens;
    const auto scheduler = start_scheduler(model, tuning);
    RunRequest request;
    Interrupt interrupt;
    ChatPrompt prompt = make_prompt(options, *model, tuning.sequence, interrupt.token());
    request.prompt = std::move(prompt.ids);
    request.reading = prompt.reading;
    if (!options.raw)
        request.roles = answer_roles(*model);
    request.tuning = tuning.sequence;
    request.moves = moves;
    if (!options.replay.empty())
        request.replay = read_record(options.replay);
    std::string text;
    std::FILE* const out = options.json ? nullptr : stdout;
    AnswerPrinter answer(prompt.reading, out, options.json ? nullptr : stderr);
    request.on_event = [&](const SchedulerEvent& event) {
        const std::string& piece =
            event.kind == SchedulerEvent::Kind::Finished ? event.tail : event.token.text;
        text += piece;
        if (!options.raw) {
            if (!answer.take(event)) // nobody reads on
                interrupt.stop();
        } else if (out) {
            const std::string shown = for_stdout(piece);
            std::fwrite(shown.data(), 1, shown.size(), out);
            if (std::fflush(out) != 0) // nobody reads on
                interrupt.stop();
        }
    };
    const RunRecord record = run_to_end(*scheduler, std::move(request), interrupt.token());
    answer.finish();
    if (options.json)
        print_json(record, text, options.raw ? nullptr : &answer, options.model.device_json(*model));
    else
        std::printf("\n");
    if (!options.json && !options.raw)
        print_remark(ending_note(record, answer, "", "--max-tokens raises it."));
    if (options.stats)
        print_note(stats_text(record.timings));
    if (record.finish == FinishReason::Failed)
        throw Error(record.error);
    Interrupt::end_program();
}

} // namespace

void add_generate(CLI::App& app) {
    auto options = std::make_shared<GenerateArguments>();
    CLI::App* command = app.add_subcommand("generate", "Answer a prompt");
    const std::initializer_list<std::string_view> dials = {
        "temperature",    "top_p",   "top_k", "min_p", "repetition_penalty", "repetition_window", "seed",
        "max_tokens",     "experts", "quant", "kv",    "activations",        "prefill_chunk",     "thinking",
        "thinking_effort"};
    options->model.add_to(*command, dials);
    command->add_option("--prompt", options->prompt, "The question, or with --raw the text to continue")
        ->required();
    command->add_option("--system", options->system, "The system prompt")
        ->excludes(
            command->add_flag("--raw", options->raw, "Use the prompt as it is, without the chat template"));
    CLI::Option* at =
        command->add_option("--at", options->at, "Move a dial before a token of the answer: TOKEN:NAME=VALUE")
            ->type_name("MOVE");
    CLI::Option* replay = command->add_option("--replay", options->replay,
                                              "Run an answer again exactly: what --json printed of it");
    replay->excludes(at);
    for (const std::string_view dial : dials) // the record has them
        replay->excludes(command->get_option(std::string(find_control(dial)->flag)));
    command->add_flag("--special-tokens", options->special_tokens,
                      "Read control tokens that the prompt spells as such, not as text");
    command->add_flag("--stats", options->stats,
                      "Say how fast it was, and how many experts were found on the card");
    command->add_flag("--json", options->json, "Print the answer's whole record as JSON");
    command->callback([options] {
        std::vector<DialMove> moves;
        for (const std::string& text : options->at)
            moves.push_back(parse_move(text));
        run_generate(*options, moves);
    });
}

} // namespace switchyard
