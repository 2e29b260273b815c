#include "engine/run/recoder.h"

#include "engine/base/error.h"
#include "engine/base/give_back.h"
#include "engine/base/threads.h"
#include "engine/run/failure.h"

#include <algorithm>
#include <new>
#include <utility>

namespace switchyard {
namespace {

constexpr const char* kStopped = "re-encoding the weights stopped";

} // namespace

/// The gate is open while the owner waits.
struct Recoder::Waiting {
    explicit Waiting(Recoder& recoder) : recoder_(recoder) { recoder_.gate_.open(); }
    ~Waiting() {
        if (recoder_.background_)
            recoder_.gate_.close();
    }
    Recoder& recoder_;
};

Recoder::Recoder(const std::vector<WeightSource>& sources, std::shared_ptr<const ModelFile> file,
                 const Backend& backend, std::shared_ptr<const WeightSet> start,
                 std::function<void()> on_ready)
    : sources_(sources), file_(std::move(file)), backend_(backend), on_ready_(std::move(on_ready)),
      weights_(std::move(start)), state_(std::make_shared<WeightsState>()) {
    for (std::size_t w = 0; w < sources_.size(); ++w)
        if (sources_[w].recodable())
            for (int m = 0; m < sources_[w].tensor->matrices(); ++m)
                items_.push_back({static_cast<WeightId>(w), m, std::nullopt});
    next_ = applied_ = total(); // the file's own bits are in force
    worker_ = start_thread([this](std::stop_token stop) { work(stop); });
}

Recoder::Recoder(const Recoder& other, std::function<void()> on_ready)
    : sources_(other.sources_), file_(other.file_), backend_(other.backend_), on_ready_(std::move(on_ready)),
      threads_(other.threads_.load()) {
    {
        const std::lock_guard lock(other.mutex_);
        items_ = other.items_;
        target_ = other.target_;
        next_ = applied_ = other.applied_; // what waits there to be swapped is encoded again here
        largest_bytes_ = other.largest_bytes_;
        generation_ = other.generation_;
        weights_ = other.weights_;
        state_ = other.state_;
    }
    worker_ = start_thread([this](std::stop_token stop) { work(stop); });
}

Recoder::~Recoder() {
    worker_.request_stop();
    gate_.give_up(); // ends a slice that is being encoded
    gate_.open();
}

void Recoder::retarget(std::optional<BlockType> target) {
    std::lock_guard lock(mutex_);
    if (target == target_ && error_.empty())
        return;
    target_ = target;
    gate_.give_up(); // a slice of the old target is dropped at once
    next_ = applied_ = 0;
    ready_.clear();
    ready_bytes_ = 0;
    error_.clear();
    largest_bytes_ = 0;
    for (const Item& item : items_)
        largest_bytes_ = std::max(
            largest_bytes_,
            slice_bytes(item, recoded_type(sources_[static_cast<std::size_t>(item.weight)], target)));
    wake_worker_.notify_all();
}

RecodeProgress Recoder::progress() const {
    std::lock_guard lock(mutex_);
    return {target_, applied_, total(), error_};
}

bool Recoder::ready() const {
    std::lock_guard lock(mutex_);
    return !ready_.empty();
}

bool Recoder::busy() const {
    std::lock_guard lock(mutex_);
    return next_ < total() && error_.empty();
}

bool Recoder::working() const {
    std::lock_guard lock(mutex_);
    return (next_ < total() && error_.empty()) || freeing();
}

bool Recoder::stalled() const {
    std::lock_guard lock(mutex_);
    return !has_room() && !freeing();
}

void Recoder::set_threads(int threads) { threads_ = std::max(1, threads); }

void Recoder::set_background(bool background) {
    if (background_ == background)
        return;
    background_ = background;
    if (background)
        gate_.close();
    else
        gate_.open();
}

void Recoder::open_window(WorkGate::Clock::time_point until) { gate_.open(until); }

void Recoder::close_window() { gate_.close(); }

std::size_t Recoder::slice_bytes(const Item& item, std::optional<BlockType> content) const {
    const TensorView& tensor = *sources_[static_cast<std::size_t>(item.weight)].tensor;
    return static_cast<std::size_t>(tensor.rows()) * row_bytes(content.value_or(tensor.type), tensor.cols());
}

bool Recoder::has_room() const {
    if (next_ >= total() || !error_.empty())
        return false;
    const Item& item = items_[next_];
    const auto wanted = recoded_type(sources_[static_cast<std::size_t>(item.weight)], target_);
    const std::size_t bytes = wanted == item.content ? 0 : slice_bytes(item, wanted);
    return ready_bytes_ + bytes <= largest_bytes_;
}

void Recoder::work(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    // A wait that is stopped says whether there is work: at the end there is none any more.
    while (wake_worker_.wait(lock, stop, [&] { return has_room() || !retired_.empty(); }) &&
           !stop.stop_requested()) {
        if (!retired_.empty()) {
            free_retired(lock);
            continue;
        }
        const Item item = items_[next_];
        const auto wanted = recoded_type(sources_[static_cast<std::size_t>(item.weight)], target_);
        const std::uint64_t epoch = gate_.work();
        Ready ready{true, wanted, {}, 0};
        std::string error;
        if (wanted != item.content) {
            lock.unlock();
            try {
                ready = encode(item, wanted, epoch);
            } catch (...) {
                error = current_failure(kStopped);
            }
            lock.lock();
        }
        if (epoch != gate_.work())
            continue; // a new target came meanwhile, and what was encoded or thrown is of no use
        try {
            if (error.empty()) {
                const std::size_t bytes = ready.bytes;
                ready_.push_back(std::move(ready));
                ready_bytes_ += bytes;
                ++next_;
            }
        } catch (...) {
            error = current_failure(kStopped);
        }
        error_ = std::move(error);
        wake_waiter_.notify_all();
        if (on_ready_ && (!has_room() || ready_.size() == 1)) {
            lock.unlock();
            on_ready_();
            lock.lock();
        }
    }
}

/// What was swapped out goes here and not between two tokens: a large matrix takes as long as a token to
/// free.
void Recoder::free_retired(std::unique_lock<std::mutex>& lock) noexcept {
    std::vector<Slice> old = std::exchange(retired_, {});
    freeing_ = true;
    lock.unlock();
    {
        const WorkGate::Stay stay(&gate_, WorkGate::kAlways);
        for (Slice& slice : old) {
            // Where nobody else can come by it any more.
            if (slice.owner.use_count() == 1 && slice.place.kind != MemoryPlace::Kind::Device)
                give_back_pages(slice.data, slice.bytes, pause_point);
            slice.owner.reset();
        }
    }
    lock.lock();
    freeing_ = false;
}

Recoder::Ready Recoder::encode(const Item& item, std::optional<BlockType> content, std::uint64_t epoch) {
    const WeightSource& source = sources_[static_cast<std::size_t>(item.weight)];
    Ready ready{false, content, {}, slice_bytes(item, content)};
    const EncodeControl control{threads_, &gate_, epoch};
    ready.slice = content ? backend_.encode(source, item.slice, *content, file_, control)
                          : backend_.place(source, item.slice, file_, control);
    if (file_)
        file_->check_whole();
    return ready;
}

/// The layers when `slices` slices of the target are in: what the new one covers whole is forgotten.
std::shared_ptr<const WeightsState> Recoder::state_with(std::uint32_t slices) const {
    WeightsState layers = *state_;
    const RecodeLayer now{target_, slices};
    if (!layers.empty() && layers.back().type == now.type && layers.back().slices <= now.slices)
        layers.pop_back();
    while (!layers.empty() && layers.back().slices <= now.slices)
        layers.pop_back();
    const bool said = layers.empty() ? !now.type : layers.back().type == now.type;
    if (now.slices > 0 && !said)
        layers.push_back(now);
    return layers == *state_ ? state_ : std::make_shared<const WeightsState>(std::move(layers));
}

/// The weights with the first `count` ready slices in them. What does not change is shared.
std::shared_ptr<WeightSet> Recoder::with_ready(std::size_t count) const {
    auto set = std::make_shared<WeightSet>(*weights_);
    ++set->version;
    set->changed.clear();
    std::shared_ptr<Weight> copy;
    std::uint32_t generation = generation_;
    for (std::size_t i = 0; i < count; ++i) {
        if (ready_[i].unchanged)
            continue;
        const Item& item = items_[applied_ + i];
        auto& weight = set->weights[static_cast<std::size_t>(item.weight)];
        if (weight != copy)
            weight = copy = std::make_shared<Weight>(*weight);
        Slice& slice = copy->slices[static_cast<std::size_t>(item.slice)];
        slice = ready_[i].slice;
        slice.generation = ready_[i].content ? ++generation : 0;
        set->changed.push_back({item.weight, item.slice});
    }
    return set;
}

/// Old slices whose memory is to be freed; there is room for them.
void Recoder::retire(std::span<const SliceId> changed) noexcept {
    for (const SliceId& id : changed)
        if (const Slice& old = weights_->slice(id.weight, static_cast<std::size_t>(id.matrix));
            old.place.kind == MemoryPlace::Kind::Host)
            retired_.push_back(old);
}

void Recoder::take_ready(std::size_t count) noexcept {
    for (; count > 0; --count) {
        const Ready& ready = ready_.front();
        generation_ += !ready.unchanged && ready.content;
        items_[applied_++].content = ready.content;
        ready_bytes_ -= ready.bytes;
        ready_.pop_front();
    }
}

/// With the lock held: what is in force stays, until another target.
void Recoder::give_up(std::string error) noexcept {
    gate_.give_up();
    error_ = std::move(error);
    ready_.clear();
    ready_bytes_ = 0;
    next_ = applied_;
}

std::shared_ptr<const WeightSet> Recoder::apply_ready(std::uint32_t limit) {
    std::lock_guard lock(mutex_);
    if (ready_.empty() || applied_ >= limit)
        return weights_;
    try {
        // All that needs memory first: then either everything is swapped or nothing.
        const std::size_t count = std::min<std::size_t>(limit - applied_, ready_.size());
        auto set = with_ready(count);
        retired_.reserve(retired_.size() + count);
        state_ = state_with(applied_ + static_cast<std::uint32_t>(count));
        retire(set->changed);
        take_ready(count);
        weights_ = std::move(set);
    } catch (const std::bad_alloc&) {
        give_up(current_failure(kStopped));
    }
    wake_worker_.notify_all();
    return weights_;
}

std::shared_ptr<const WeightSet> Recoder::wait_applied(std::uint32_t count, std::stop_token stop) {
    count = std::min(count, total());
    const Waiting waiting(*this);
    for (;;) {
        apply_ready(count);
        std::unique_lock lock(mutex_);
        if (applied_ >= count)
            return weights_;
        if (!wake_waiter_.wait(lock, stop, [&] { return !ready_.empty() || !error_.empty(); }))
            return weights_;
        if (ready_.empty())
            throw Error(error_);
    }
}

bool Recoder::approach(std::optional<BlockType> target, std::uint32_t count) {
    if (progress().target != target)
        retarget(target);
    count = std::min(count, total());
    apply_ready(count);
    const std::lock_guard lock(mutex_);
    if (applied_ < count && ready_.empty() && !error_.empty())
        throw Error(error_);
    return applied_ >= count;
}

bool Recoder::approach(const WeightsState& state) {
    if (*state_ == state) {
        restoring_.reset();
        return true;
    }
    if (!restoring_ || restoring_->state != state) {
        // Where layers are in place already, it goes on from the last of them.
        const WeightsState& now = *state_;
        const std::size_t in_place = now.size();
        bool grows = in_place > 0 && in_place <= state.size() && now.back().type == progress().target &&
                     std::equal(now.begin(), now.end() - 1, state.begin());
        grows = grows && now.back().type == state[in_place - 1].type &&
                now.back().slices <= state[in_place - 1].slices;
        restoring_ = Restoring{state, !grows && (state.empty() || state.front().slices < total()),
                               grows ? in_place - 1 : 0};
    }
    if (restoring_->from_file) {
        if (!approach(std::nullopt, total()))
            return false;
        restoring_->from_file = false;
    }
    for (; restoring_->layer < state.size(); ++restoring_->layer)
        if (!approach(state[restoring_->layer].type, state[restoring_->layer].slices))
            return false;
    restoring_.reset();
    return true;
}

std::shared_ptr<const WeightSet> Recoder::restore(const WeightsState& state, std::stop_token stop) {
    const Waiting waiting(*this);
    while (!approach(state)) {
        std::unique_lock lock(mutex_);
        if (!wake_waiter_.wait(lock, stop, [&] { return !ready_.empty() || !error_.empty(); }))
            break;
    }
    return weights_;
}

} // namespace switchyard
