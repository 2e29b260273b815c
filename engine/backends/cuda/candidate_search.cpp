#include "engine/backends/cuda/candidate_search.h"

#include "kernels/cuda/kernel_list.h"

#include <algorithm>
#include <cstring>

namespace switchyard::cuda {

namespace {

std::size_t aligned(std::size_t offset) { return (offset + 255) / 256 * 256; }

} // namespace

CandidateSearch::Layout CandidateSearch::layout_of(std::span<const Sought> sought, std::int32_t vocabulary) {
    Layout l = {};
    std::size_t ids = 0;
    for (const Sought& one : sought) {
        l.most = std::max(l.most, std::min(one.wish->best, std::min(vocabulary, kMostBest)));
        ids += one.wish->gather.size();
    }
    l.rows = static_cast<std::int32_t>(sought.size());
    l.most = std::max(l.most, 1);
    l.part_count = candidate_part_count(vocabulary);
    const auto rows = static_cast<std::size_t>(l.rows), most = static_cast<std::size_t>(l.most),
               parts = rows * static_cast<std::size_t>(l.part_count);
    l.ids = aligned(rows * sizeof(SoughtRow));
    l.parts = aligned(l.ids + ids * sizeof(std::int32_t));
    l.best = aligned(l.parts + parts * sizeof(PartResult));
    l.gathered = aligned(l.best + rows * most * sizeof(Candidate));
    l.downloaded = aligned(l.gathered + ids * sizeof(float));
    l.scratch = l.downloaded;
    l.end = l.scratch + parts * most * sizeof(Candidate);
    return l;
}

void CandidateSearch::write(std::span<const Sought> sought) const {
    auto* row = reinterpret_cast<SoughtRow*>(host_.data() + layout_.sought);
    auto* ids = reinterpret_cast<std::int32_t*>(host_.data() + layout_.ids);
    std::int32_t first = 0;
    for (const Sought& one : sought) {
        const auto count = static_cast<std::int32_t>(one.wish->gather.size());
        *row++ = {.logit_row = static_cast<std::int32_t>(one.row),
                  .best = std::min(one.wish->best, layout_.most),
                  .inverse_temperature = one.wish->inverse_temperature,
                  .gather_first = first,
                  .gather_count = count};
        std::ranges::copy(one.wish->gather, ids + first);
        first += count;
    }
}

void CandidateSearch::make_room(std::span<const Sought> sought, std::int32_t vocabulary) {
    if (sought.empty())
        return;
    layout_ = layout_of(sought, vocabulary);
    vocabulary_ = vocabulary;
    device_.want(layout_.end);
    device_.settle(pool_);
    host_.reserve(layout_.downloaded);
}

void CandidateSearch::launch(std::span<const Sought> sought, const float* logits, Stream& stream) {
    if (sought.empty())
        return;
    write(sought);
    std::byte* memory = device_.get<std::byte>();
    stream.copy_to_device(memory, host_.data(), layout_.parts);
    const CandidateParams p = {.logits = logits,
                               .logits_stride = vocabulary_,
                               .vocabulary = vocabulary_,
                               .most = layout_.most,
                               .sought = reinterpret_cast<const SoughtRow*>(memory + layout_.sought),
                               .gather_ids = reinterpret_cast<const std::int32_t*>(memory + layout_.ids),
                               .part_best = reinterpret_cast<Candidate*>(memory + layout_.scratch),
                               .parts = reinterpret_cast<PartResult*>(memory + layout_.parts),
                               .best = reinterpret_cast<Candidate*>(memory + layout_.best),
                               .gathered = reinterpret_cast<float*>(memory + layout_.gathered)};
    const GridSize grid = candidate_grid(vocabulary_, layout_.rows);
    cuda::launch<Kernel::PartBest>(stream, grid, p);
    cuda::launch<Kernel::JoinBest>(stream, grid, p, true);
    stream.copy_to_host(host_.data() + layout_.parts, memory + layout_.parts,
                        layout_.downloaded - layout_.parts);
}

void CandidateSearch::read(std::span<Sought> sought) const {
    const std::byte* host = host_.data();
    const auto parts = static_cast<std::size_t>(layout_.part_count),
               most = static_cast<std::size_t>(layout_.most);
    const auto* part = reinterpret_cast<const PartResult*>(host + layout_.parts);
    const auto* best = reinterpret_cast<const Candidate*>(host + layout_.best);
    const auto* gathered = reinterpret_cast<const float*>(host + layout_.gathered);
    for (Sought& one : sought) {
        one.found = joined_candidates(*one.wish, vocabulary_, {part, parts}, {best, most},
                                      {gathered, one.wish->gather.size()});
        part += parts;
        best += most;
        gathered += one.wish->gather.size();
    }
}

} // namespace switchyard::cuda
