#include "engine/backends/cuda/candidate_search.h"

#include "kernels/cuda/kernel_list.h"

#include <algorithm>
#include <cstring>

namespace switchyard::cuda {

namespace {

std::size_t aligned(std::size_t offset) { return (offset + 255) / 256 * 256; }

/// What a row's own token adds to its draw, where that is known only on the device.
std::int32_t own_tokens(const StepWishes& wishes, const Sought& sought) {
    const DrawWish* draw = sought.told ? nullptr : wishes.draw_of(sought.row);
    return draw && draw->penalises_own ? 1 : 0;
}

} // namespace

CandidateSearch::Layout CandidateSearch::layout_of(const StepWishes& wishes, std::int32_t vocabulary) {
    Layout l = {};
    std::size_t ids = 0;
    for (const Sought& one : wishes.sought()) {
        const std::int32_t own = own_tokens(wishes, one);
        l.most = std::max(l.most, std::min({one.wish->best + own, vocabulary, kMostBest}));
        ids += one.wish->gather.size() + static_cast<std::size_t>(own);
    }
    l.rows = static_cast<std::int32_t>(wishes.sought().size());
    l.most = std::max(l.most, 1);
    l.part_count = candidate_part_count(vocabulary);
    l.vocabulary = vocabulary;
    const auto rows = static_cast<std::size_t>(l.rows), most = static_cast<std::size_t>(l.most),
               parts = rows * static_cast<std::size_t>(l.part_count);
    l.draws = aligned(rows * sizeof(SoughtRow));
    l.follow = aligned(l.draws + rows * sizeof(DrawRow));
    l.ids = aligned(l.follow + rows * sizeof(FollowRow));
    l.parts = aligned(l.ids + ids * sizeof(std::int32_t));
    l.best = aligned(l.parts + parts * sizeof(PartResult));
    l.gathered = aligned(l.best + rows * most * sizeof(Candidate));
    l.drawn = aligned(l.gathered + ids * sizeof(float));
    l.downloaded = aligned(l.drawn + rows * sizeof(std::int32_t));
    l.scratch = l.downloaded;
    l.end = l.scratch + parts * most * sizeof(Candidate);
    return l;
}

SoughtRows CandidateSearch::Place::rows() const {
    return {there<SoughtRow>(layout.sought), there<DrawRow>(layout.draws), there<std::int32_t>(layout.ids),
            layout.most};
}

void CandidateSearch::make_room(const StepWishes& wishes, std::int32_t vocabulary, int place) {
    Place& own = places_[place];
    own.layout = layout_of(wishes, vocabulary);
    if (wishes.sought().empty())
        return;
    if (own.layout.end > own.device.bytes())
        own.device.want(own.layout.end * 2); // penalties grow with an answer
    own.device.settle(pool_);
    own.host.reserve(own.device.bytes()); // it need not move before that does
}

bool CandidateSearch::moves(const StepWishes& wishes, std::int32_t vocabulary, int place) const {
    return layout_of(wishes, vocabulary).end > places_[place].device.bytes();
}

void CandidateSearch::upload(const StepWishes& wishes, std::span<const FollowRow> follow, int place,
                             Stream& stream) {
    Place& own = places_[place];
    if (wishes.sought().empty())
        return;
    auto* row = own.here<SoughtRow>(own.layout.sought);
    auto* draw = own.here<DrawRow>(own.layout.draws);
    auto* ids = own.here<std::int32_t>(own.layout.ids);
    std::int32_t first = 0;
    for (const Sought& one : wishes.sought()) {
        const auto count = static_cast<std::int32_t>(one.wish->gather.size());
        *row++ = {.logit_row = static_cast<std::int32_t>(one.row),
                  .best = std::min(one.wish->best, own.layout.most),
                  .inverse_temperature = one.wish->inverse_temperature,
                  .gather_first = first,
                  .gather_count = count};
        *draw++ = one.told ? DrawRow{} : draw_row_of(*wishes.draw_of(one.row), *one.wish);
        std::ranges::copy(one.wish->gather, ids + first);
        first += count + own_tokens(wishes, one);
    }
    own.layout.followers = static_cast<std::int32_t>(follow.size());
    std::ranges::copy(follow, own.here<FollowRow>(own.layout.follow));
    stream.copy_to_device(own.there<std::byte>(0), own.host.data(), own.layout.parts);
}

void CandidateSearch::draw_next(RowInput* rows, int place, Stream& stream) {
    const Place &own = places_[place], &before = places_[1 - place];
    cuda::launch<Kernel::DrawNext>(stream, draw_next_grid(own.layout.followers),
                                   {.vocabulary = before.layout.vocabulary,
                                    .part_count = before.layout.part_count,
                                    .before = before.rows(),
                                    .parts = before.there<PartResult>(before.layout.parts),
                                    .best = before.there<Candidate>(before.layout.best),
                                    .gathered = before.there<float>(before.layout.gathered),
                                    .follow = own.there<FollowRow>(own.layout.follow),
                                    .rows = rows,
                                    .next = own.rows(),
                                    .drawn = own.there<std::int32_t>(own.layout.drawn)});
}

void CandidateSearch::launch(const float* logits, int place, Stream& stream) {
    const Place& own = places_[place];
    const Layout& at = own.layout;
    if (at.rows == 0)
        return;
    const CandidateParams p = {.logits = logits,
                               .logits_stride = at.vocabulary,
                               .vocabulary = at.vocabulary,
                               .most = at.most,
                               .sought = own.there<SoughtRow>(at.sought),
                               .gather_ids = own.there<std::int32_t>(at.ids),
                               .part_best = own.there<Candidate>(at.scratch),
                               .parts = own.there<PartResult>(at.parts),
                               .best = own.there<Candidate>(at.best),
                               .gathered = own.there<float>(at.gathered)};
    const GridSize grid = candidate_grid(at.vocabulary, at.rows);
    cuda::launch<Kernel::PartBest>(stream, grid, p);
    cuda::launch<Kernel::JoinBest>(stream, grid, p, true);
    stream.copy_to_host(own.here<std::byte>(at.parts), own.there<std::byte>(at.parts),
                        at.downloaded - at.parts);
}

void CandidateSearch::read(std::span<Sought> sought, int place) const {
    const Place& own = places_[place];
    const auto parts = static_cast<std::size_t>(own.layout.part_count),
               most = static_cast<std::size_t>(own.layout.most);
    const auto* row = own.here<SoughtRow>(own.layout.sought);
    const auto* part = own.here<PartResult>(own.layout.parts);
    const auto* best = own.here<Candidate>(own.layout.best);
    const auto* gathered = own.here<float>(own.layout.gathered);
    for (Sought& one : sought) {
        one.found = joined_candidates(*one.wish, own.layout.vocabulary, {part, parts}, {best, most},
                                      {gathered + row->gather_first, one.wish->gather.size()});
        ++row;
        part += parts;
        best += most;
    }
}

std::span<const std::int32_t> CandidateSearch::drawn(int place) const {
    const Place& own = places_[place];
    return {own.here<std::int32_t>(own.layout.drawn), static_cast<std::size_t>(own.layout.followers)};
}

} // namespace switchyard::cuda
