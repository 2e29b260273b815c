// What fewer experts cost a carved model, in multiples of the dense one's perplexity on the dense model's own
// answers. carve_answers DENSE.gguf CARVED.gguf QUESTIONS.txt TOKENS: the questions, one a line, are put to
// the dense model until it has answered so many tokens; both models then read the answers, the carved one
// with 8, 7, 6, 4 and 2 experts.
#include "engine/base/error.h"
#include "engine/carve/calibration_text.h"
#include "engine/run/chat_prompt.h"
#include "engine/run/scheduler.h"

#include <array>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <random>

namespace switchyard {
namespace {

constexpr int kRuns = 32, kAnswerTokens = 400;
constexpr std::array<int, 5> kActive{8, 7, 6, 4, 2};

struct Answer {
    std::vector<std::int32_t> ids; ///< with the question
    std::size_t from;              ///< of the answer
};

std::shared_ptr<LoadedModel> load(const char* path) {
    LoadOptions options;
    options.backend = make_cpu_backend({});
    return LoadedModel::load(path, options);
}

// The ways people draw answers, one after another.
SequenceTuning tuning(std::size_t question, std::size_t round) {
    static constexpr struct {
        double temperature, top_p;
        int top_k;
        double repetition_penalty;
    } kDrawings[]{{0.7, 0.8, 20, 1.1}, {0.7, 0.95, 0, 1.0}, {0.2, 0.9, 0, 1.0}, {0.9, 1.0, 0, 1.0}};
    const auto& d = kDrawings[(question + round) % std::size(kDrawings)];
    SequenceTuning t;
    t.temperature = d.temperature;
    t.top_p = d.top_p;
    t.top_k = d.top_k;
    t.repetition_penalty = d.repetition_penalty;
    t.seed = round * 1000 + question;
    t.max_tokens = kAnswerTokens;
    return t;
}

// One answer to each question.
std::vector<Answer> ask(const std::shared_ptr<LoadedModel>& model, const std::vector<std::string>& questions,
                        std::size_t round) {
    std::vector<Answer> answers;
    for (const std::string& q : questions) {
        nlohmann::ordered_json messages = nlohmann::ordered_json::array();
        messages.push_back({{"role", "user"}, {"content", q}});
        answers.push_back({chat_prompt(*model, messages).ids, 0});
        answers.back().from = answers.back().ids.size();
    }
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t open = answers.size();
    const std::int32_t end = model->tokenizer()->eos();
    SchedulerOptions options;
    options.max_runs = kRuns;
    Scheduler scheduler(engine_parts(model), options);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        RunRequest request;
        request.prompt = answers[i].ids;
        request.priority = RunPriority::Lab;
        request.keep_cache = false;
        request.tuning = tuning(i, round);
        request.on_event = [&, i](const SchedulerEvent& event) {
            const std::lock_guard lock(mutex);
            if (event.kind == SchedulerEvent::Kind::Token)
                answers[i].ids.push_back(event.token.id);
            else if (event.kind == SchedulerEvent::Kind::Finished) {
                if (event.record && event.record->finish == FinishReason::EndOfTurn && end >= 0)
                    answers[i].ids.push_back(end);
                --open;
                ended.notify_one();
            }
        };
        scheduler.submit(std::move(request));
    }
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return open == 0; });
    for (Answer& a : answers)
        cut_loop(a.ids, a.from);
    return answers;
}

// Logits of the rows that foretell the answer: [answer's tokens, vocabulary].
std::vector<float> read(LoadedModel& model, const Answer& answer, int experts) {
    Batch batch;
    BatchSequence sequence;
    for (std::size_t i = 0; i + 1 < answer.ids.size(); ++i) {
        if (i % kKvBlockTokens == 0)
            sequence.blocks.push_back(model.executor().allocate_kv_block(BlockType::F16));
        batch.rows.push_back({.token = answer.ids[i],
                              .position = static_cast<std::int32_t>(i),
                              .dials = {.experts = experts},
                              .wish = i + 1 >= answer.from ? RowWish::Logits : RowWish::Nothing});
    }
    batch.sequences.push_back(sequence);
    auto result = model.executor().run(std::move(batch), model.weights());
    for (KvBlockId block : sequence.blocks)
        model.executor().release_kv_block(block);
    return result.logits;
}

double nats(std::span<const float> logits, const Answer& answer) {
    const std::size_t vocabulary = logits.size() / (answer.ids.size() - answer.from);
    double sum = 0;
    for (std::size_t i = answer.from; i < answer.ids.size(); ++i) {
        const auto row = logits.subspan((i - answer.from) * vocabulary, vocabulary);
        const float most = *std::max_element(row.begin(), row.end());
        double mass = 0;
        for (float v : row)
            mass += std::exp(v - most);
        sum += most + std::log(mass) - row[static_cast<std::size_t>(answer.ids[i])];
    }
    return sum;
}

void measure(const char* dense_path, const char* carved_path, const char* questions_path,
             std::size_t tokens) {
    const auto dense = load(dense_path), carved = load(carved_path);
    std::vector<std::string> questions;
    std::ifstream file(questions_path);
    for (std::string line; std::getline(file, line);)
        if (!line.empty())
            questions.push_back(line);
    if (questions.empty())
        throw Error(std::string("there are no questions in ") + questions_path);
    std::array<double, kActive.size()> more{};
    double all = 0;
    std::size_t scored = 0;
    for (std::size_t round = 0; scored < tokens; ++round)
        for (const Answer& answer : ask(dense, questions, round)) {
            if (answer.ids.size() == answer.from)
                continue;
            const double own = nats(read(*dense, answer, 0), answer);
            for (std::size_t k = 0; k < kActive.size(); ++k)
                more[k] += nats(read(*carved, answer, kActive[k]), answer) - own;
            all += own;
            scored += answer.ids.size() - answer.from;
        }
    const auto n = static_cast<double>(scored);
    std::printf("%zu tokens, perplexity %.3f; with", scored, std::exp(all / n));
    for (std::size_t k = 0; k < kActive.size(); ++k)
        std::printf(" %d: x %.3f", kActive[k], std::exp(more[k] / n));
    std::printf("\n");
}

} // namespace
} // namespace switchyard

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: carve_answers DENSE.gguf CARVED.gguf QUESTIONS.txt TOKENS\n");
        return 2;
    }
    try {
        switchyard::measure(argv[1], argv[2], argv[3], static_cast<std::size_t>(std::atoll(argv[4])));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
