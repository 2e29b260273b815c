// Messages to show: every kind of content and state.
#pragma once

#include "app/services/conversation.h"
#include "app/services/thinking_splitter.h"
#include "tests/support/scripted_services.h"

#include <QList>

namespace switchyard {

inline Message makeMessage(MessageId id, Author author, const QString& text,
                           MessageState state = MessageState::Complete) {
    Message message;
    message.id = id;
    message.parent = id - 1;
    message.author = author;
    message.state = state;
    message.created = QDateTime::currentDateTime();
    message.siblings = {id};
    message.parts.append({PartKind::Text, text, {}, 0});
    return message;
}

/// An answer with a token record that spells its text, thinking included.
inline Message makeAnswer(MessageId id, const QString& text, const QString& thinking = {}) {
    Message message = makeMessage(id, Author::Assistant, text);
    message.model = QStringLiteral("DeepSeek-V2-Lite-Q4_K.gguf");
    message.has_run = true;
    QString raw = text;
    if (!thinking.isEmpty()) {
        message.parts.prepend({PartKind::Thinking, thinking, {}, 3200});
        raw = QStringLiteral("<think>") + thinking + QStringLiteral("</think>") + text;
    }
    for (const std::string& piece : splitText(raw)) {
        TokenRecord token;
        token.text = piece;
        token.latency_ms = 24.4;
        token.experts_active = 6;
        token.quant = "Q4_K";
        message.run.tokens.push_back(token);
    }
    message.places = placesOf(message.run, message.parts);
    message.run.finish = FinishReason::EndOfTurn;
    message.run.timings.time_to_first_token_ms = 312;
    message.run.timings.generated_tokens = static_cast<int>(message.run.tokens.size());
    message.run.timings.decode_ms = 24.4 * static_cast<double>(message.run.tokens.size());
    message.run.timings.prompt_tokens = 240;
    return message;
}

inline QList<Message> sampleThread() {
    QList<Message> thread;
    thread.append(makeMessage(1, Author::User, QStringLiteral("How does MLA save memory?")));
    Message answer = makeAnswer(
        2,
        QStringLiteral(
            "MLA stores **one latent vector** per token instead of keys and values for every head, so the "
            "cache "
            "is much smaller. With \\(d_c = 512\\) and a decoupled key of 64 values it keeps `576` values a "
            "token "
            "and layer.\n\n"
            "## What is stored\n\n"
            "| Method | Values a token and layer | Share |\n|:--|--:|--:|\n| MHA | 32 768 | 100 % |\n| GQA "
            "(8 groups) "
            "| 2 048 | 6 % |\n| **MLA** | 576 | 1.8 % |\n\n"
            "1. The hidden state is projected down to the latent:\n   $$ c_t = W_{DKV} h_t $$\n"
            "2. Keys and values are read from it when they are needed.\n   - nothing else is kept\n   - "
            "positions "
            "live in a separate, shared key\n3. The up-projection is absorbed into the query.\n\n"
            "> The latent is what is cached; everything else can be computed from it.\n\n"
            "```cpp\n// Absorbed form: scores straight from the latent.\ntemplate <typename T>\n"
            "float score(const std::vector<T>& query, const Latent& c) {\n    float sum = 0;\n"
            "    for (size_t i = 0; i < c.size(); ++i)\n        sum += query[i] * c[i]; // one dot product\n"
            "    return sum * 0.0417f;\n}\n```\n\n"
            "See [the paper](https://arxiv.org/abs/2405.04434) for the rest; `std::vector<int>` and "
            "<b>tags</b> stay "
            "as they are."),
        QStringLiteral(
            "The user asks about multi-head latent attention. I should explain what is cached.\n\nMaybe a "
            "table helps."));
    answer.siblings = {102, 2, 103};
    answer.run.moves.push_back({30, "experts", 4.0});
    answer.run.moves.push_back({52, "temperature", 0.3});
    for (std::size_t i = 30; i < answer.run.tokens.size(); ++i)
        answer.run.tokens[i].experts_active = 4;
    answer.run.settings.sequence.experts = 6;
    thread.append(answer);
    thread.append(makeMessage(3, Author::User, QStringLiteral("用中文再说一遍，并给出一个例子。")));
    thread.append(makeAnswer(
        4,
        QStringLiteral(
            "当然可以。MLA（多头潜在注意力）把**键和值**压缩成一个潜在向量：\n\n- 每个 token 每层只保存 576 "
            "个数；\n- 需要时再由潜在向量恢复键和值。\n\n```python\ndef attend(q, latent):\n    "
            "\"\"\"直接用潜在向量计算分数\"\"\"\n    return softmax(q @ latent.T) @ latent  # 注释\n```\n\n"
            "这样缓存只有原来的百分之二左右。😀")));
    thread.append(makeMessage(5, Author::User, QStringLiteral("And with a longer context?")));
    Message failed = makeAnswer(6, QStringLiteral("With 128 k tokens the cache"));
    failed.state = MessageState::Failed;
    failed.error =
        QStringLiteral("The KV cache needs 96 MiB more, 40 MiB are free: choose Q8_0 or a shorter chat.");
    thread.append(failed);
    Message question = makeMessage(7, Author::User, QStringLiteral("Then summarise these notes."));
    question.parts.prepend({PartKind::File, QStringLiteral("meeting notes"), QStringLiteral("notes.md"), 0});
    thread.append(question);
    Message stopped = makeAnswer(8, QStringLiteral("The notes say that"));
    stopped.state = MessageState::Stopped;
    thread.append(stopped);
    return thread;
}

} // namespace switchyard
