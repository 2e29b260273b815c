#include "engine/backends/cuda/row_program.h"

#include "kernels/cuda/attention_launch.h"

#include <algorithm>

namespace switchyard::cuda {

bool RowProgram::add(const GateUpRowParams& p) {
    return add(RowStage::GateUpRow, p,
               sizeof(GateUpRowShared) +
                   static_cast<std::size_t>(gate_up_row_bytes(p.up.layer.in_width, p.staged)));
}

bool RowProgram::add(AttendRowParams p) {
    AttentionParams& a = p.attention;
    if (a.cap > 0)
        return false;
    // As many staged blocks at a time as in a launch by itself.
    a.split_buffer = row_program_split_buffer(a.cache, a.value_dim, attend_row_buffer(a, device_.info()));
    return add(
        RowStage::AttendRow, p,
        sizeof(AttendShared) +
            static_cast<std::size_t>(
                a.split_buffer + attend_row_bytes(a.cache.key_dim, a.cache.value_dim, kRowProgramThreads)));
}

bool RowProgram::takes(std::size_t shared_bytes) const {
    return stages_ < most_stages_ &&
           device_.resident_blocks(Kernel::RowProgram, row_program_shared(shared_bytes)) > 0 &&
           row_program_shared(shared_bytes) <= device_.info().shared_bytes;
}

std::byte* RowProgram::begin_entry(RowStage stage, std::int32_t bytes, std::size_t shared_bytes) {
    const std::size_t at = entries_.size();
    if (waits())
        reinterpret_cast<RowEntry*>(entries_.data() + last_)->next_bytes = bytes;
    else {
        begin_ = at;
        first_bytes_ = bytes;
    }
    entries_.resize(at + static_cast<std::size_t>(bytes));
    *reinterpret_cast<RowEntry*>(entries_.data() + at) = {stage, 0};
    last_ = at;
    shared_ = std::max(shared_, shared_bytes);
    ++stages_;
    return entries_.data() + at + sizeof(RowEntry);
}

void RowProgram::launch(Stream& stream, bool dependent) {
    const std::size_t more_shared = row_program_shared(shared_);
    const int resident = std::min(device_.resident_blocks(Kernel::RowProgram, more_shared), 2);
    cuda::launch<Kernel::RowProgram>(stream,
                                     {static_cast<unsigned>(resident * device_.info().multiprocessors), 1},
                                     {.program = memory_ + begin_,
                                      .arrived = arrivals_ + first_,
                                      .stages = static_cast<std::int32_t>(stages_ - first_),
                                      .first_bytes = first_bytes_,
                                      .entries_at = row_program_entries_at(shared_)},
                                     dependent, more_shared);
    first_ = stages_;
    shared_ = 0;
}

void RowProgram::upload(Stream& stream) {
    HostBuffer host(device_);
    std::ranges::copy(entries_, host.reserve(entries_.size()));
    stream.copy_to_device(memory_, host.data(), entries_.size());
    stream.synchronise();
}

} // namespace switchyard::cuda
