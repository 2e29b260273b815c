// switchyard-cli chat: a conversation in the terminal.
#include "app/cli/answer_printer.h"
#include "app/cli/commands.h"
#include "app/cli/model_options.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"
#include "engine/run/chat_prompt.h"

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace switchyard {
namespace {

struct ChatArguments {
    ModelOptions model;
    std::string system;
    bool special_tokens = false;
};

constexpr const char* kHelp = "/set NAME=VALUE  move a dial (the next token obeys)\n"
                              "/dials           show all dials\n"
                              "/continue        go on with an answer that was cut\n"
                              "/new             start over\n"
                              "/quit            leave\n"
                              "Ctrl+C           stop the answer\n";

class TerminalChat {
  public:
    TerminalChat(const ChatArguments& options, std::shared_ptr<LoadedModel> model)
        : model_(std::move(model)), tuning_(options.model.tuning(*model_)), system_(options.system),
          scheduler_(start_scheduler(model_, tuning_)) {
        tuning_.sequence.special_tokens |= options.special_tokens;
        start_over();
    }

    /// Until the end of the input or /quit.
    void run() {
        const bool terminal = ::isatty(STDIN_FILENO) != 0;
        if (terminal)
            std::printf("%s, %s. /help lists the commands.\n", one_line(model_->config().name).c_str(),
                        model_->backend().description().c_str());
        std::string line;
        for (;;) {
            if (terminal) {
                std::printf("> ");
                std::fflush(stdout);
            }
            if (std::ferror(stdout) != 0 || !std::getline(std::cin, line) || line == "/quit" ||
                line == "/exit")
                break;
            if (line.empty())
                continue;
            if (line.front() == '/')
                command(line);
            else
                answer(line);
        }
        if (terminal)
            std::printf("\n");
    }

  private:
    void start_over() {
        messages_ = nlohmann::ordered_json::array();
        if (!system_.empty())
            messages_.push_back({{"role", "system"}, {"content", system_}});
        cut_.reset();
        scheduler_->forget(kConversation);
    }

    void command(const std::string& line) {
        if (line == "/new") {
            start_over();
        } else if (line == "/continue") {
            go_on();
        } else if (line == "/dials") {
            for (const ControlSpec& spec : controls())
                std::printf("%-20s %s\n", std::string(spec.name).c_str(),
                            format_control(spec, control_value(tuning_, spec)).c_str());
        } else if (line.starts_with("/set ")) {
            set(line.substr(5));
        } else {
            std::printf("%s", kHelp);
        }
    }

    void set(const std::string& assignment) {
        try {
            const auto [spec, value] = parse_assignment("/set", assignment);
            const Tuning moved = with_control(tuning_, *spec, value);
            if (spec->name == "experts" && moved.sequence.experts > 0)
                check_experts(*model_, moved.sequence.experts);
            if (spec->scope == ControlScope::Model)
                scheduler_->set_model_tuning(moved.model);
            tuning_ = moved;
            const std::string substitute = substitute_on(model_->backend(), *spec, value);
            std::printf("%s is %s%s%s\n", std::string(spec->name).c_str(),
                        format_control(*spec, value).c_str(), substitute.empty() ? "" : "; ",
                        substitute.c_str());
        } catch (const std::exception& e) {
            std::printf("%s\n", one_line(e.what()).c_str());
        }
    }

    /// An answer under way, or cut: what to go on with.
    struct Answer {
        ChatPrompt prompt;
        AnswerPrinter printer;
        std::vector<std::int32_t> ids;
    };

    void answer(const std::string& question) {
        messages_.push_back({{"role", "user"}, {"content", question}});
        cut_.reset();
        try {
            ChatPrompt prompt = prompt_of_messages();
            AnswerPrinter printer(prompt.reading, stdout, stdout);
            run(Answer{std::move(prompt), std::move(printer), {}});
        } catch (const Error& e) {
            std::printf("%s\n", one_line(e.what()).c_str());
            messages_.erase(messages_.size() - 1); // the question can be asked again
        }
    }

    ChatPrompt prompt_of_messages() {
        const Interrupt interrupt;
        return chat_prompt(*model_, messages_, ChatPromptOptions(tuning_.sequence, interrupt.token()));
    }

    void go_on() {
        if (cut_)
            run(*std::exchange(cut_, std::nullopt));
        else
            std::printf("There is no answer that was cut.\n");
    }

    void run(Answer answer) {
        RunRequest request;
        request.conversation = kConversation;
        request.tuning = tuning_.sequence;
        request.prompt = answer.prompt.ids;
        request.prompt.insert(request.prompt.end(), answer.ids.begin(), answer.ids.end());
        request.continues = answer.ids.size();
        request.reading = answer.prompt.reading;
        request.roles = answer_roles(*model_);
        Interrupt interrupt;
        request.on_event = [&](const SchedulerEvent& event) {
            if (!answer.printer.take(event)) // nobody reads on
                interrupt.stop();
        };
        const RunRecord record = run_to_end(*scheduler_, std::move(request), interrupt.token());
        for (const TokenRecord& token : record.tokens)
            answer.ids.push_back(token.id);
        finish(std::move(answer), record);
    }

    void finish(Answer answer, const RunRecord& record) {
        const bool ended = record.finish == FinishReason::EndOfTurn;
        // The answer may go on, with what was held back as the beginning of a mark.
        AnswerPrinter printer = answer.printer;
        printer.finish();
        std::printf("\n");
        if (record.finish == FinishReason::Failed)
            std::printf("%s\n", one_line(record.error).c_str());
        const std::string note =
            ending_note(record, printer, "/continue goes on, ", "/set max_tokens=N raises it.");
        if (!note.empty())
            std::printf("%s\n", note.c_str());
        // What was thought is not told again.
        if (messages_.back()["role"] == "assistant")
            messages_.erase(messages_.end() - 1);
        if (printer.has_said())
            messages_.push_back({{"role", "assistant"}, {"content", printer.said()}});
        else if (record.finish == FinishReason::Failed && answer.ids.empty())
            messages_.erase(messages_.end() - 1); // the question can be asked again
        if (::isatty(STDOUT_FILENO) != 0)
            std::printf("[%d tokens, %.1f tokens/s, first after %.0f ms%s]\n",
                        record.timings.generated_tokens, record.timings.decode_tokens_per_second(),
                        record.timings.time_to_first_token_ms,
                        record.finish == FinishReason::Stopped ? ", stopped" : "");
        if (!ended && !answer.ids.empty() && record.finish != FinishReason::ContextFull)
            cut_ = std::move(answer);
    }

    static constexpr std::uint64_t kConversation = 1;
    std::shared_ptr<LoadedModel> model_;
    Tuning tuning_;
    std::string system_;
    nlohmann::ordered_json messages_;
    std::optional<Answer> cut_;
    std::unique_ptr<Scheduler> scheduler_;
};

} // namespace

void add_chat(CLI::App& app) {
    auto options = std::make_shared<ChatArguments>();
    CLI::App* command = app.add_subcommand("chat", "Chat in the terminal");
    options->model.add_to(*command, {"temperature", "top_p", "top_k", "min_p", "repetition_penalty",
                                     "repetition_window", "seed", "max_tokens", "experts", "quant", "kv",
                                     "activations", "prefill_chunk", "thinking", "thinking_effort"});
    command->add_option("--system", options->system, "The system prompt");
    command->add_flag("--special-tokens", options->special_tokens,
                      "Read control tokens that a question spells as such, not as text");
    command->callback([options] { TerminalChat(*options, options->model.load()).run(); });
}

} // namespace switchyard
