// A model that computes nothing and remembers everything: its logits are a hash of every token, position,
// dial and weight that went into the context, so any mistake in what is kept, shared or swapped changes the
// answer.
#pragma once

#include "engine/backends/common/block_ledger.h"
#include "engine/base/error.h"
#include "engine/quant/quant.h"
#include "engine/run/scheduler.h"
#include "kernels/splitmix.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace switchyard::fake {

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    return splitmix(a * kGoldenGamma + b + 0x632be59bd9b4e019ull);
}

class FakeBackend : public Backend {
  public:
    std::string name() const override { return "fake"; }
    std::string description() const override { return "a fake"; }
    bool exact() const override { return exact_; }
    int threads() const override { return 2; }
    Slice place(const WeightSource& source, int matrix, const std::shared_ptr<const ModelFile>& file,
                const EncodeControl& = {}) const override {
        return lay_out(source, source.tensor->type, source.tensor->matrix(matrix, file));
    }
    Slice encode(const WeightSource& source, int matrix, BlockType type,
                 const std::shared_ptr<const ModelFile>& file, const EncodeControl& control) const override {
        if (before_encoding)
            before_encoding(control);
        return lay_out(source, type, reencode_matrix(source, matrix, type, file, control));
    }
    PlacedSize placed_size(const WeightSource& source, BlockType type) const override {
        return {static_cast<std::size_t>(source.tensor->rows()) * row_bytes(type, source.tensor->cols()),
                false};
    }
    std::unique_ptr<Executor> compile(std::shared_ptr<const Plan>) override { return nullptr; }

    bool batch_invariant() const override { return true; }
    int nearest_activation_bits(int bits) const override { return bits; }
    int arithmetic_version() const override { return 1; }

    bool exact_ = false;
    std::function<void(const EncodeControl&)> before_encoding; ///< on the re-encoding thread
    mutable std::atomic<int> fail_from{-1}; ///< placing or encoding throws the nth time from now

  private:
    Slice lay_out(const WeightSource& source, BlockType type, std::shared_ptr<const std::byte> blocks) const {
        if (fail_from >= 0 && fail_from-- == 0)
            throw Error("no room for a slice");
        Slice slice;
        slice.type = type;
        slice.rows = source.tensor->rows();
        slice.cols = source.tensor->cols();
        slice.data = blocks.get();
        slice.bytes = placed_size(source, type).bytes; // as if it were a copy: records count what is our own
        slice.owner = std::move(blocks);
        return slice;
    }
};

/// Its steps are queued and its blocks released as those of every backend; only what is computed is made up.
class FakeExecutor : public Executor {
  public:
    explicit FakeExecutor(const Plan& plan) : plan_(plan) {}

    KvBlockId allocate_kv_block(BlockType type) override {
        return ledger_.add([&] {
            const std::lock_guard lock(mutex_);
            if (static_cast<int>(blocks_.size()) >= most_blocks)
                throw Error("no memory for a KV block");
            blocks_[next_] = {.type = type};
            return next_++;
        });
    }
    KvBlockId allocate_state() override {
        const KvBlockId block = allocate_kv_block(BlockType::F32);
        const std::lock_guard lock(mutex_);
        blocks_.at(block).is_state = true;
        return block;
    }
    void release_kv_block(KvBlockId block) noexcept override {
        {
            const std::lock_guard lock(mutex_);
            if (!blocks_.contains(block) || !blocks_[block].held)
                std::abort(); // released twice
            blocks_[block].held = false;
        }
        ledger_.release(block);
    }
    KvBlockId clone_kv_block(KvBlockId block) override {
        steps_.drain();
        const KvBlockId copy = allocate_kv_block(BlockType::F16);
        const std::lock_guard lock(mutex_);
        blocks_.at(copy) = blocks_.at(block);
        ++clones;
        return copy;
    }
    std::size_t kv_block_bytes(BlockType type) const override { return type == BlockType::Q8_0 ? 500 : 1000; }
    std::size_t state_bytes() const override { return plan_.states.empty() ? 0 : 700; }
    std::size_t kv_bytes() const override { return live_bytes(); }
    std::vector<std::byte> save_kv_block(KvBlockId block) override {
        steps_.drain();
        const std::lock_guard lock(mutex_);
        const auto* bytes = reinterpret_cast<const std::byte*>(&blocks_.at(block));
        return {bytes, bytes + sizeof(Block)};
    }
    KvBlockId load_kv_block(BlockType type, std::span<const std::byte> saved) override {
        const KvBlockId block = allocate_kv_block(type);
        const std::lock_guard lock(mutex_);
        std::memcpy(&blocks_.at(block), saved.data(), sizeof(Block));
        blocks_.at(block).held = true;
        return block;
    }
    KvBlockId load_state(std::span<const std::byte> saved) override {
        return load_kv_block(BlockType::F32, saved);
    }
    std::size_t kv_capacity() const override { return std::size_t{1} << 30; }
    std::size_t scratch_bytes() const override { return 77; }
    std::size_t forecast_scratch(int, int, int) const override { return 77; }
    int steps_in_flight() const override { return in_flight; }
    int draft_rows() const override { return drafts; }

    std::unique_ptr<PendingStep> start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                       std::stop_token stop, std::function<void()> on_done) override {
        most_in_flight =
            std::max(most_in_flight.load(), static_cast<int>(steps_.started() + 1 - steps_.ended()));
        return steps_.start(std::move(batch), std::move(weights), std::move(stop), std::move(on_done));
    }
    std::size_t live_bytes() const {
        const std::lock_guard lock(mutex_);
        std::size_t bytes = 0;
        for (const auto& [id, block] : blocks_)
            bytes += !block.held ? 0 : block.is_state ? state_bytes() : kv_block_bytes(block.type);
        return bytes;
    }
    std::size_t live_blocks() const {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(
            std::ranges::count_if(blocks_, [](const auto& block) { return block.second.held; }));
    }

    std::chrono::microseconds row_time{0}, step_time{0};
    std::function<void()> during_step; ///< again and again while one with a row_time computes
    int most_blocks = 1 << 20, in_flight = 1, drafts = 0;
    float habit = 0; ///< how much more likely than the others the token is that follows the last by habit
    std::function<void(bool begins)> at_step;
    std::vector<int> rows_of_steps; ///< to be read when nothing is computed
    std::atomic<bool> fail_next{false};
    std::atomic<int> rows{0}, steps{0}, clones{0}, widest{0}, most_in_flight{0};

  private:
    struct Block {
        BlockType type = BlockType::F16;
        bool held = true, is_state = false;
        std::uint64_t entry[kKvBlockTokens] = {};
        bool written[kKvBlockTokens] = {};
        std::uint64_t state = 0; ///< of a block with states; 0: never written
    };
    /// What the ledger gives back to.
    struct Store {
        FakeExecutor& executor;
        void release(KvBlockId block) noexcept {
            const std::lock_guard lock(executor.mutex_);
            executor.blocks_.erase(block);
        }
    };
    StepResult observed_step(Batch& batch, const WeightSet& weights, const StepStop& stop) {
        if (at_step)
            at_step(true);
        StepResult computed = compute_step(batch, weights, stop);
        if (at_step)
            at_step(false);
        return computed;
    }
    StepResult compute_step(Batch& batch, const WeightSet& set, const StepStop& stop) {
        const auto until = std::chrono::steady_clock::now() + step_time + row_time * batch.rows.size();
        while (std::chrono::steady_clock::now() < until && !stop.requested()) {
            if (during_step)
                during_step();
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        StepResult result;
        const auto drawn_before = std::exchange(drawn_, {});
        if (fail_next.exchange(false))
            throw Error("the step failed");
        const std::lock_guard lock(mutex_);
        if (stop.requested() || !take_drawn(batch, drawn_before)) {
            result.cancelled = true;
            spoil(batch);
            return result;
        }
        const std::uint64_t weights = fingerprint(set);
        std::uint64_t state = 0;
        for (std::size_t r = 0; r < batch.rows.size(); ++r)
            compute(batch, r, weights, state, result);
        rows += static_cast<int>(batch.rows.size());
        rows_of_steps.push_back(static_cast<int>(batch.rows.size()));
        widest = std::max(widest.load(), static_cast<int>(batch.sequences.size()));
        ++steps;
        return result;
    }
    static const BatchSequence& sequence_of(const Batch& batch, const BatchRow& row) {
        return batch.sequences.at(static_cast<std::size_t>(row.sequence));
    }
    Block& block_at(const Batch& batch, const BatchRow& row, int position) {
        return blocks_.at(
            sequence_of(batch, row).blocks.at(static_cast<std::size_t>(position / kKvBlockTokens)));
    }
    /// After a stop the contents at the batch's positions are anything.
    void spoil(const Batch& batch) {
        for (const BatchRow& row : batch.rows)
            block_at(batch, row, row.position).entry[row.position % kKvBlockTokens] = 0xdead;
        for (const BatchSequence& sequence : batch.sequences)
            for (const auto& after : sequence.states_after)
                blocks_.at(after.state).state = 0xdead;
    }
    /// What the row makes of the states before it.
    void advance(const Batch& batch, std::size_t r, std::uint64_t entry, std::uint64_t& state) {
        const BatchRow& row = batch.rows[r];
        const BatchSequence& sequence = sequence_of(batch, row);
        std::size_t first = r;
        while (first > 0 && batch.rows[first - 1].sequence == row.sequence)
            --first;
        if (first == r) {
            if ((sequence.state == kNoState) != (row.position == 0))
                throw std::logic_error("a sequence without the states before its rows");
            state = sequence.state == kNoState ? 1 : blocks_.at(sequence.state).state;
            if (state == 0)
                throw std::logic_error("read states that were never written");
        }
        state = mix(state, entry) | 1;
        for (const auto& after : sequence.states_after)
            if (after.rows == static_cast<int>(r - first) + 1)
                blocks_.at(after.state).state = state;
    }
    void compute(const Batch& batch, std::size_t r, std::uint64_t weights, std::uint64_t& state,
                 StepResult& result) {
        const BatchRow& row = batch.rows[r];
        Block& own = block_at(batch, row, row.position);
        const int slot = row.position % kKvBlockTokens;
        std::uint64_t entry =
            mix(static_cast<std::uint64_t>(row.token), static_cast<std::uint64_t>(row.position));
        entry = mix(entry, static_cast<std::uint64_t>(row.dials.experts));
        entry = mix(entry, weights);
        if (row.dials.activation_bits != 16)
            entry = mix(entry, static_cast<std::uint64_t>(row.dials.activation_bits));
        std::uint64_t all = weights;
        for (int p = 0; p < row.position; ++p) {
            const Block& block = block_at(batch, row, p);
            if (!block.written[p % kKvBlockTokens])
                throw std::logic_error("read a position that was never written");
            all = mix(all, block.entry[p % kKvBlockTokens]);
        }
        if (!plan_.states.empty()) {
            advance(batch, r, entry, state);
            all = mix(all, state);
        }
        own.entry[slot] = mix(mix(entry, static_cast<std::uint64_t>(own.type)), all); // and what it saw
        own.written[slot] = true;
        all = mix(all, own.entry[slot]);
        drawn_.push_back(-1);
        if (row.wish != RowWish::Nothing)
            answer(batch, row, all, result);
    }
    void answer(const Batch& batch, const BatchRow& row, std::uint64_t seen, StepResult& result) {
        std::vector<float> logits;
        for (int i = 0; i < plan_.vocabulary; ++i)
            logits.push_back(static_cast<float>(mix(seen, static_cast<std::uint64_t>(i)) >> 40) * 0x1p-24f *
                             6);
        logits[static_cast<std::size_t>((row.token * 7 + 3) % 11)] += habit;
        if (row.wish == RowWish::Logits) {
            result.logits.insert(result.logits.end(), logits.begin(), logits.end());
        } else if (row.wish == RowWish::Draw) {
            result.drawn.push_back(
                RowDrawer().draw(logits, batch.draw_wishes.at(static_cast<std::size_t>(row.draw))));
            drawn_.back() = result.drawn.back().id;
        }
        if (row.candidates >= 0)
            result.candidates.push_back(
                find_candidates(logits, batch.candidate_wishes.at(static_cast<std::size_t>(row.candidates))));
    }
    static std::uint64_t fingerprint(const WeightSet& set) {
        std::uint64_t all = 0;
        for (const auto& weight : set.weights)
            for (const Slice& slice : weight->slices)
                for (std::size_t i = 0; i < slice.bytes; i += 7)
                    all = mix(all, static_cast<std::uint64_t>(slice.data[i]));
        return all;
    }

    const Plan& plan_;
    mutable std::mutex mutex_; ///< of blocks_
    std::map<KvBlockId, Block> blocks_;
    KvBlockId next_ = 0;
    std::vector<std::int32_t> drawn_; ///< by the rows of the last step
    Store store_{*this};
    BlockLedger<Store> ledger_{store_, steps_};
    StepQueue steps_{[this](Batch& batch, const WeightSet& weights, const StepStop& stop) {
                         return observed_step(batch, weights, stop);
                     },
                     [this] { ledger_.free_ended(); }}; ///< last: its thread uses everything above
};

/// Ids 0 .. 60; id n is spelt "<n>", 60 ends an answer, 59 is a control token.
class FakeTokenizer : public Tokenizer {
  public:
    std::vector<std::int32_t> encode(std::string_view, bool) const override { return {}; }
    std::vector<std::int32_t> encode(const MarkedText&, bool) const override { return {}; }
    std::string token_bytes(std::int32_t id) const override { return "<" + std::to_string(id) + ">"; }
    std::string decode(std::span<const std::int32_t> ids) const override {
        std::string text;
        for (std::int32_t id : ids)
            text += token_bytes(id);
        return text;
    }
    std::size_t size() const override { return 61; }
    std::int32_t bos() const override { return -1; }
    std::int32_t eos() const override { return 60; }
    bool is_end(std::int32_t id) const override { return id == 60; }
    bool is_special(std::int32_t id) const override { return id >= 59; }
};

/// Everything a scheduler needs: two matrices and one weight of six experts, 8 slices to re-encode.
class FakeModel {
  public:
    explicit FakeModel(int experts = 8, bool states = false) {
        if (states)
            plan.states = {{16}};
        plan.vocabulary = 61;
        plan.experts = experts;
        plan.experts_active = experts / 2;
        add("a", BlockType::F16, {256, 6, 1}, WeightRole::Attention);
        add("experts", BlockType::F16, {64, 4, 6}, WeightRole::RoutedExpert);
        add("router", BlockType::F32, {64, 8, 1}, WeightRole::Router);
        add("output", BlockType::Q8_0, {96, 5, 1}, WeightRole::Output);
        auto set = std::make_shared<WeightSet>();
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            const TensorView& tensor = tensors[t];
            sources.push_back(
                {.name = tensor.name, .role = roles_[t], .use = WeightUse::Matrix, .tensor = &tensor});
            auto weight = std::make_shared<Weight>();
            for (int m = 0; m < tensor.matrices(); ++m)
                weight->slices.push_back(backend.place(sources.back(), m, nullptr));
            set->weights.push_back(std::move(weight));
        }
        weights = std::move(set);
    }
    FakeModel(const FakeModel&) = delete;

    EngineParts parts() {
        EngineParts parts;
        parts.executor = &executor;
        parts.backend = &backend;
        parts.plan = &plan;
        parts.tokenizer = &tokenizer;
        parts.sources = &sources;
        parts.context = 2000;
        parts.weights = weights;
        return parts;
    }
    static constexpr std::uint32_t kSlices = 8;

    Plan plan;
    FakeBackend backend;
    FakeExecutor executor{plan};
    FakeTokenizer tokenizer;
    std::vector<TensorView> tensors;
    std::vector<WeightSource> sources;
    std::shared_ptr<const WeightSet> weights;

  private:
    void add(const char* name, BlockType type, std::vector<std::int64_t> shape, WeightRole role) {
        const auto rows = static_cast<std::size_t>(shape[1] * shape[2]);
        const std::size_t bytes = row_bytes(type, shape[0]);
        auto& data = data_.emplace_back(rows * bytes);
        std::vector<float> values(static_cast<std::size_t>(shape[0]));
        for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t c = 0; c < values.size(); ++c)
                values[c] = static_cast<float>(mix(r + 31 * data_.size(), c) >> 40) * 0x1p-23f - 1.0f;
            encode_row(type, values, data.data() + r * bytes);
        }
        tensors.reserve(8); // sources point into it
        tensors.push_back({name, type, std::move(shape), data.data(), data.size()});
        roles_.push_back(role);
    }
    std::vector<std::vector<std::byte>> data_;
    std::vector<WeightRole> roles_;
};

inline std::vector<std::int32_t> prompt_of(int count, std::uint64_t seed = 1) {
    std::vector<std::int32_t> prompt;
    for (int i = 0; i < count; ++i)
        prompt.push_back(static_cast<std::int32_t>(mix(seed, static_cast<std::uint64_t>(i)) % 59));
    return prompt;
}

/// With draws of its own, to its last token.
inline RunRequest request_for(std::vector<std::int32_t> prompt, int max_tokens, double temperature) {
    RunRequest request;
    request.prompt = std::move(prompt);
    request.tuning.max_tokens = max_tokens;
    request.tuning.temperature = temperature;
    request.tuning.seed = 5;
    request.ignore_end = true;
    return request;
}

inline std::vector<std::int32_t> ids_of(const RunRecord& record) {
    std::vector<std::int32_t> ids;
    for (const TokenRecord& token : record.tokens)
        ids.push_back(token.id);
    return ids;
}

} // namespace switchyard::fake
