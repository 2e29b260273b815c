// Gate and up of one row (gate_up_row_kernels.h), as device functions.
#pragma once

#include "kernels/cuda/gate_up.cuh"
#include "kernels/cuda/gate_up_row_kernels.h"
#include "kernels/cuda/inputs.cuh"
#include "kernels/cuda/router.cuh"
#include "kernels/cuda/stage_order.cuh"

namespace switchyard::cuda {
namespace {

/// Router weights that were read ahead.
struct StagedWeights {
    const float* row;
    __device__ FourWeights operator()(int first) const {
        const float4 four = *reinterpret_cast<const float4*>(row + first);
        return {{four.x, four.y, four.z, four.w}};
    }
};

/// The row in shared memory in every form, one behind the other (row_form_places()).
struct RowForms {
    const GateUpRowParams& p;

    __device__ int padded() const { return padded_columns(p.up.layer.in_width); }
    __device__ static std::byte* memory() {
        return reinterpret_cast<std::byte*>(&shared_memory<GateUpRowShared>()) + sizeof(GateUpRowShared);
    }
    __device__ PreparedRows operator()() const { // found where it is used: there are no registers to keep it
        const RowFormPlaces at = row_form_places(p.up.layer.in_width);
        return {reinterpret_cast<float*>(memory()),
                reinterpret_cast<ByteBlock*>(memory() + at.bytes),
                reinterpret_cast<PairBlock*>(memory() + at.bfloats),
                reinterpret_cast<PairBlock*>(memory() + at.halves),
                reinterpret_cast<float*>(memory() + at.half_scales),
                padded()};
    }
};

/// What prepares the row, and its router.
class RowInputs {
  public:
    __device__ RowInputs(const GateUpRowParams& p, const RowForms& row, GateUpRowShared& shared)
        : p_(p), row_(row), shared_(shared) {}

    /// By a warp, before the wait: reads the weights of its first expert ahead.
    __device__ void read_ahead() const {
        const int expert = first_expert();
        if (!p_.router || warp_index() >= p_.staged || expert >= experts())
            return;
        const RouterWeights weights(*p_.router, expert);
        for (int first = 4 * lane_index(); first < row_.padded(); first += 4 * kWarpLanes) {
            if (const void* from = weights.whole(first)) {
                async_copy(staged() + first, from);
                continue;
            }
            const FourWeights w = weights(first);
            *reinterpret_cast<float4*>(staged() + first) = {w.of[0], w.of[1], w.of[2], w.of[3]};
        }
        async_commit();
    }
    /// By the block: the row in all forms that somebody wants, then the logits of the block's experts.
    __device__ void prepare() {
        RowSource source(p_.in, plain_floats(p_.gain), width());
        if (source.gain)
            find_rms(source, p_.epsilon, shared_.input);
        write_prepared_row(source, row_(), *p_.formats | (p_.router ? kInputF32 : 0u), 0);
        async_wait<0>();
        sync_block();
        if (!p_.router)
            return;
        for (int expert = first_expert(); expert < experts(); expert += stride()) {
            const float* const row[1] = {row_().floats};
            float logit[1];
            if (expert == first_expert() && warp_index() < p_.staged)
                router_dots<1>(StagedWeights{staged()}, row, width(), logit);
            else
                router_dots<1>(RouterWeights(*p_.router, expert), row, width(), logit);
            if (lane_index() == 0)
                logits()[expert] = logit[0];
        }
        sync_block();
        if (threadIdx.x == 0 && static_cast<int>(blockIdx.x) < experts())
            count_arrival(p_.arrived);
    }
    /// By the block: until all blocks' logits are there.
    __device__ void wait_for_logits() const {
        if (threadIdx.x == 0)
            wait_for_arrivals(p_.arrived,
                              static_cast<std::uint32_t>(min(static_cast<int>(gridDim.x), experts())));
        sync_block();
    }

  private:
    __device__ int first_expert() const {
        return static_cast<int>(blockIdx.x) + warp_index() * static_cast<int>(gridDim.x);
    }
    __device__ static int stride() { return kProductParts * static_cast<int>(gridDim.x); }
    /// Other blocks' too: this launch writes what RouteParams only reads.
    __device__ float* logits() const { return const_cast<float*>(p_.up.route.route.logits); }

    __device__ int width() const { return p_.up.layer.in_width; }
    __device__ int experts() const { return p_.up.route.route.rule.experts; }
    /// Of the warp: the weights of its first expert.
    __device__ float* staged() const {
        return reinterpret_cast<float*>(RowForms::memory() + row_form_places(width()).end) +
               warp_index() * row_.padded();
    }

    const GateUpRowParams& p_;
    const RowForms& row_;
    GateUpRowShared& shared_;
};

template <class Order>
__device__ __forceinline__ void gate_up_of_row(const GateUpRowParams& p, GateUpRowShared& shared,
                                               const Order& order) {
    const RowForms row{p};
    RowInputs inputs(p, row, shared);
    inputs.read_ahead();
    GateUpWork<1, RowForms> work(p.up, row, shared.up);
    order.wait();
    order.let_next_start();
    inputs.prepare();
    // Dense blocks, whose weights are known, while others find the logits; then the experts.
    for (int round = p.up.layer.block_count > 0 ? 0 : 1; round < (p.router ? 2 : 1); ++round) {
        if (round == 1) {
            inputs.wait_for_logits();
            RoutePrologue<1>(p.up.route, shared.up, row().floats).run(blockIdx.x == gridDim.x - 1);
            work.restart();
        }
        multiply_items<1>(work, [] {});
    }
}

} // namespace
} // namespace switchyard::cuda
