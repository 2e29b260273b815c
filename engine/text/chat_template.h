// A model's chat template (Jinja, as Hugging Face evaluates it): messages in, prompt out.
#pragma once

#include <nlohmann/json.hpp>

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard {

struct TemplateInput {
    nlohmann::ordered_json messages =
        nlohmann::ordered_json::array(); ///< [{"role": ..., "content": ...}, ...]
    nlohmann::ordered_json tools;        ///< null: none
    bool add_generation_prompt = true;
    nlohmann::ordered_json variables =
        nlohmann::ordered_json::object(); ///< more names: bos_token, eos_token, enable_thinking ...
    std::optional<std::time_t> now;       ///< what strftime_now tells; absent: the clock's time
};

class ChatTemplate {
  public:
    /// Parses. Throws Error naming the line and the cause.
    explicit ChatTemplate(std::string_view source);
    ~ChatTemplate();
    ChatTemplate(ChatTemplate&&) noexcept;
    ChatTemplate& operator=(ChatTemplate&&) noexcept;

    /// Evaluates in a sandbox with a step limit. Throws Error (raise_exception's message, or line and cause).
    std::string render(const TemplateInput& input) const;

  private:
    struct Program;
    std::unique_ptr<Program> program_;
};

} // namespace switchyard
