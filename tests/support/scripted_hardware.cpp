#include "tests/support/scripted_hardware.h"

#include "engine/base/memory.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <utility>

namespace switchyard {

namespace {

/// What one model has of a card's memory; its end gives it back.
class CardShare {
  public:
    explicit CardShare(std::shared_ptr<ScriptedCard> card) : card_(std::move(card)) {}
    ~CardShare() { card_->give(taken_); }
    ScriptedCard& card() const { return *card_; }
    void take(std::size_t bytes, const std::string& who, const std::string& way_on = {}) {
        if (!card_->take(bytes))
            throw Error(who + " " + format_bytes(bytes) + " more on " + card_->name().toStdString() + ", " +
                        format_bytes(card_->status().free) + " are free" + way_on);
        taken_ += bytes;
    }
    void give(std::size_t bytes) {
        const std::size_t given = std::min<std::size_t>(taken_, bytes);
        taken_ -= given;
        card_->give(given);
    }
    DeviceStatus status() const {
        DeviceStatus status = card_->status();
        status.taken = taken_;
        return status;
    }

  private:
    std::shared_ptr<ScriptedCard> card_;
    std::atomic<std::size_t> taken_ = 0;
};

/// The CPU's executor, with the card's memory for its KV blocks.
class ScriptedCardExecutor : public Executor {
  public:
    ScriptedCardExecutor(std::unique_ptr<Executor> cpu, std::shared_ptr<CardShare> share)
        : cpu_(std::move(cpu)), share_(std::move(share)) {}

    KvBlockId allocate_kv_block(BlockType type) override {
        take(kv_block_bytes(type));
        return cpu_->allocate_kv_block(type);
    }
    void release_kv_block(KvBlockId block) noexcept override {
        const std::size_t before = cpu_->kv_bytes();
        cpu_->release_kv_block(block);
        share_->give(before - cpu_->kv_bytes());
    }
    KvBlockId clone_kv_block(KvBlockId block) override { return cpu_->clone_kv_block(block); }
    std::vector<std::byte> save_kv_block(KvBlockId block) override { return cpu_->save_kv_block(block); }
    KvBlockId load_kv_block(BlockType type, std::span<const std::byte> saved) override {
        take(kv_block_bytes(type));
        return cpu_->load_kv_block(type, saved);
    }
    std::size_t kv_block_bytes(BlockType type) const override { return cpu_->kv_block_bytes(type); }
    KvBlockId allocate_state() override { return cpu_->allocate_state(); }
    KvBlockId load_state(std::span<const std::byte> saved) override { return cpu_->load_state(saved); }
    std::size_t state_bytes() const override { return cpu_->state_bytes(); }
    std::size_t kv_bytes() const override { return cpu_->kv_bytes(); }
    std::size_t kv_capacity() const override { return cpu_->kv_capacity(); }
    std::size_t scratch_bytes() const override { return cpu_->scratch_bytes(); }
    std::size_t forecast_scratch(int rows, int context, int experts) const override {
        return cpu_->forecast_scratch(rows, context, experts);
    }
    int prompt_rows() const override { return cpu_->prompt_rows(); }
    int steps_in_flight() const override { return cpu_->steps_in_flight(); }
    StageTable stage_totals() const override { return cpu_->stage_totals(); }
    std::unique_ptr<PendingStep> start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                       std::stop_token stop, std::function<void()> on_done) override {
        share_->card().beginStep();
        return cpu_->start(std::move(batch), std::move(weights), std::move(stop), std::move(on_done));
    }

  private:
    void take(std::size_t bytes) {
        share_->take(bytes, "the KV cache needs", ": choose Q8_0 or a shorter chat");
    }

    std::unique_ptr<Executor> cpu_;
    std::shared_ptr<CardShare> share_;
};

class ScriptedCardBackend : public Backend {
  public:
    ScriptedCardBackend(const BackendOptions& options, std::shared_ptr<ScriptedCard> card)
        : cpu_(make_cpu_backend(options)), share_(std::make_shared<CardShare>(std::move(card))) {}

    std::string name() const override { return "cuda"; }
    std::string description() const override { return share_->card().name().toStdString(); }
    bool exact() const override { return cpu_->exact(); }
    int threads() const override { return cpu_->threads(); }
    bool batch_invariant() const override { return cpu_->batch_invariant(); }
    int arithmetic_version() const override { return cpu_->arithmetic_version(); }
    Slice place(const WeightSource& source, int matrix, const std::shared_ptr<const ModelFile>& file,
                const EncodeControl& control) const override {
        share_->take(cpu_->placed_size(source, source.tensor->type).bytes, "the weights need");
        return cpu_->place(source, matrix, file, control);
    }
    Slice encode(const WeightSource& source, int matrix, BlockType type,
                 const std::shared_ptr<const ModelFile>& file, const EncodeControl& control) const override {
        return cpu_->encode(source, matrix, type, file, control);
    }
    PlacedSize placed_size(const WeightSource& source, BlockType type) const override {
        return {cpu_->placed_size(source, type).bytes, false};
    }
    std::unique_ptr<Executor> compile(std::shared_ptr<const Plan> plan) override {
        return std::make_unique<ScriptedCardExecutor>(cpu_->compile(std::move(plan)), share_);
    }
    DeviceStatus device_status() const override { return share_->status(); }

  private:
    std::shared_ptr<Backend> cpu_;
    std::shared_ptr<CardShare> share_;
};

} // namespace

void ScriptedCard::setUnusable(const QString& why) {
    const std::lock_guard lock(mutex_);
    unusable_ = why;
}

QString ScriptedCard::unusable() const {
    const std::lock_guard lock(mutex_);
    return unusable_;
}

void ScriptedCard::setReading(const CardReading& reading) {
    const std::lock_guard lock(mutex_);
    reading_ = reading;
}

CardReading ScriptedCard::reading() const {
    const std::lock_guard lock(mutex_);
    CardReading reading = reading_;
    reading.memory = memory_;
    reading.memory_free = free_;
    reading.taken = 0; // what this program has is the backends' to tell
    return reading;
}

void ScriptedCard::leaveFree(quint64 bytes) {
    const std::lock_guard lock(mutex_);
    free_ = bytes;
}

void ScriptedCard::slowDown(std::chrono::milliseconds step) {
    const std::lock_guard lock(mutex_);
    step_time_ = step;
}

void ScriptedCard::loseAfter(int steps) {
    const std::lock_guard lock(mutex_);
    steps_left_ = steps;
}

void ScriptedCard::failAfter(int pieces) {
    const std::lock_guard lock(mutex_);
    pieces_left_ = pieces;
}

bool ScriptedCard::take(quint64 bytes) {
    const std::lock_guard lock(mutex_);
    short_ = bytes > free_ || pieces_left_ == 0;
    if (pieces_left_ > 0)
        --pieces_left_;
    if (short_)
        return false;
    free_ -= bytes;
    taken_ += bytes;
    return true;
}

void ScriptedCard::give(quint64 bytes) {
    const std::lock_guard lock(mutex_);
    free_ += bytes;
    taken_ -= bytes;
}

void ScriptedCard::beginStep() {
    std::unique_lock lock(mutex_);
    lost_ = lost_ || steps_left_ == 0;
    if (lost_)
        throw Error("the device failed: unspecified launch failure (719): the device is lost; restart the "
                    "program to use it again");
    if (steps_left_ > 0)
        --steps_left_;
    const auto time = step_time_;
    lock.unlock();
    std::this_thread::sleep_for(time);
}

DeviceStatus ScriptedCard::status() const {
    const std::lock_guard lock(mutex_);
    DeviceStatus status{taken_, free_, memory_, short_, {}};
    if (lost_)
        status.lost = "it fell off the bus";
    return status;
}

CardList ScriptedHardware::look() const {
    CardList all;
    for (const CardPtr& card : cards_)
        all.cards.push_back({static_cast<int>(all.cards.size()), card->name().toStdString(), card->memory(),
                             card->reading().memory_free, card->unusable().toStdString()});
    if (cards_.empty())
        all.none = none_.toStdString();
    return all;
}

CardReading ScriptedHardware::read_card(int card) const {
    return cards_.at(static_cast<std::size_t>(card))->reading();
}

std::shared_ptr<Backend> ScriptedHardware::open_card(int card, const BackendOptions& options) const {
    return std::make_shared<ScriptedCardBackend>(options, cards_.at(static_cast<std::size_t>(card)));
}

} // namespace switchyard
