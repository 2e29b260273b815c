#include "engine/text/chat_template.h"

#include "engine/base/error.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

TEST(ChatTemplate, ChatMl) {
    const ChatTemplate chat(
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "
        "'<|im_start|>system\n"
        "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
        "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}");
    TemplateInput input;
    input.messages.push_back({{"role", "user"}, {"content", "Hi"}});
    EXPECT_EQ(
        chat.render(input),
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
    input.add_generation_prompt = false;
    input.messages.insert(input.messages.begin(),
                          nlohmann::ordered_json{{"role", "system"}, {"content", "Be brief."}});
    EXPECT_EQ(chat.render(input),
              "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n");
}

} // namespace
} // namespace switchyard
