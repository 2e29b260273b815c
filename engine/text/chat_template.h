// A model's chat template (Jinja, as Hugging Face evaluates it): messages in, prompt out.
#pragma once

#include "engine/text/marked_text.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

struct TemplateInput {
    nlohmann::ordered_json messages =
        nlohmann::ordered_json::array(); ///< [{"role": ..., "content": ...}, ...]
    nlohmann::ordered_json tools;        ///< null: none
    bool add_generation_prompt = true;
    nlohmann::ordered_json variables =
        nlohmann::ordered_json::object(); ///< more names: bos_token, eos_token, enable_thinking ...
    std::optional<std::time_t> now;       ///< what strftime_now tells; absent: the clock's time
    std::uint64_t steps = 0;              ///< the template may take; 0: what a long chat needs
    std::uint64_t* taken = nullptr;       ///< gets the steps it took, also where it throws
};

class ChatTemplate {
  public:
    /// Parses. Throws Error naming the line and the cause.
    explicit ChatTemplate(std::string_view source);
    ~ChatTemplate();
    ChatTemplate(ChatTemplate&&) noexcept;
    ChatTemplate& operator=(ChatTemplate&&) noexcept;

    /// Evaluates in a sandbox with a step limit. What came from messages, tools, documents and variables is
    /// marked in the prompt, byte for byte; not so bos_token and eos_token, and the roles that every template
    /// knows (system, developer, user, assistant, tool), of which some make their tokens: <|user|>. Throws
    /// Error (raise_exception's message, or line and cause), soon after `stop` is asked for as well.
    MarkedText render_marked(const TemplateInput& input, const std::stop_token& stop = {}) const;
    /// The text alone.
    std::string render(const TemplateInput& input, const std::stop_token& stop = {}) const {
        return render_marked(input, stop).text;
    }
    /// The same as render_marked(); a conversation that the template refuses is told in plainer ways
    /// (chat_turns.h). Throws the first refusal where it takes none.
    MarkedText render_accepted(const TemplateInput& input, const std::stop_token& stop = {}) const;

    /// Names that it takes from outside (input.variables, or what every template has) somewhere, in order:
    /// enable_thinking.
    std::vector<std::string> free_variables() const;

  private:
    struct Program;
    std::unique_ptr<Program> program_;
};

} // namespace switchyard
