#include "kernels/cuda/gate_up_row_kernels.h"

#include "kernels/cuda/gate_up.cuh"
#include "kernels/cuda/inputs.cuh"
#include "kernels/cuda/router.cuh"

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

/// The row in shared memory, and its router.
class RowInputs {
  public:
    __device__ RowInputs(const GateUpRowParams& p, GateUpRowShared& shared, std::byte* memory)
        : p_(p), shared_(shared), width_(p.up.layer.in_width), experts_(p.up.route.route.rule.experts) {
        rows_.padded = padded_columns(width_);
        const auto take = [&](std::size_t bytes) {
            std::byte* own = memory;
            memory += bytes;
            return own;
        };
        const auto padded = static_cast<std::size_t>(rows_.padded);
        rows_.floats = reinterpret_cast<float*>(take(padded * sizeof(float)));
        rows_.bytes = reinterpret_cast<ByteBlock*>(take(padded / 32 * sizeof(ByteBlock)));
        rows_.bfloats = reinterpret_cast<PairBlock*>(take(padded / 16 * sizeof(PairBlock)));
        rows_.halves = reinterpret_cast<PairBlock*>(take(padded / 16 * sizeof(PairBlock)));
        rows_.half_scales = reinterpret_cast<float*>(take(padded / 32 * 16));
        staged_ = reinterpret_cast<float*>(memory) + warp_index() * rows_.padded;
    }
    __device__ const PreparedRows& rows() const { return rows_; }

    /// By a warp, before the wait: reads the weights of its first expert ahead.
    __device__ void read_ahead() const {
        const int expert = first_expert();
        if (!p_.router || warp_index() >= p_.staged || expert >= experts_)
            return;
        const RouterWeights weights(*p_.router, expert);
        for (int first = 4 * lane_index(); first < rows_.padded; first += 4 * kWarpLanes) {
            if (const void* from = weights.whole(first)) {
                async_copy(staged_ + first, from);
                continue;
            }
            const FourWeights w = weights(first);
            *reinterpret_cast<float4*>(staged_ + first) = {w.of[0], w.of[1], w.of[2], w.of[3]};
        }
        async_commit();
    }
    /// By the block: the row in all forms that somebody wants, then the logits of the block's experts.
    __device__ void prepare() {
        RowSource source(p_.in, plain_floats(p_.gain), width_);
        if (source.gain)
            find_rms(source, p_.epsilon, shared_.input);
        write_prepared_row(source, rows_, *p_.formats | (p_.router ? kInputF32 : 0u), 0);
        async_wait<0>();
        sync_block();
        if (!p_.router)
            return;
        for (int expert = first_expert(); expert < experts_; expert += stride()) {
            const float* const row[1] = {rows_.floats};
            float logit[1];
            if (expert == first_expert() && warp_index() < p_.staged)
                router_dots<1>(StagedWeights{staged_}, row, width_, logit);
            else
                router_dots<1>(RouterWeights(*p_.router, expert), row, width_, logit);
            if (lane_index() == 0)
                logits()[expert] = logit[0];
        }
        sync_block();
        if (threadIdx.x == 0 && static_cast<int>(blockIdx.x) < experts_)
            arrive_at(p_.arrived);
    }
    /// By the block: until all blocks' logits are there.
    __device__ void wait_for_logits() const {
        if (threadIdx.x == 0)
            wait_for_arrivals(p_.arrived,
                              static_cast<std::uint32_t>(min(static_cast<int>(gridDim.x), experts_)));
        sync_block();
    }

  private:
    __device__ int first_expert() const {
        return static_cast<int>(blockIdx.x) + warp_index() * static_cast<int>(gridDim.x);
    }
    __device__ static int stride() { return kProductParts * static_cast<int>(gridDim.x); }
    /// Other blocks' too: this launch writes what RouteParams only reads.
    __device__ float* logits() const { return const_cast<float*>(p_.up.route.route.logits); }

    const GateUpRowParams& p_;
    GateUpRowShared& shared_;
    int width_, experts_;
    PreparedRows rows_;
    float* staged_; ///< the warp's
};

__device__ void gate_up_of_row(const GateUpRowParams& p) {
    GateUpRowShared& shared = shared_memory<GateUpRowShared>();
    RowInputs inputs(p, shared,
                     reinterpret_cast<std::byte*>(&shared) + (sizeof(GateUpRowShared) + 15) / 16 * 16);
    inputs.read_ahead();
    GateUpWork<1> work(p.up, inputs.rows(), shared.up);
    wait_for_previous();
    let_next_start();
    inputs.prepare();
    // Dense blocks, whose weights are known, while others find the logits; then the experts.
    for (int round = p.up.layer.block_count > 0 ? 0 : 1; round < (p.router ? 2 : 1); ++round) {
        if (round == 1) {
            inputs.wait_for_logits();
            RoutePrologue<1>(p.up.route, shared.up, inputs.rows().floats).run(blockIdx.x == gridDim.x - 1);
            work.restart();
        }
        multiply_items<1>(work, [] {});
    }
}

} // namespace

static __global__ void __launch_bounds__(kProductThreads, 1)
    gate_up_row(const __grid_constant__ GateUpRowParams p) {
    gate_up_of_row(p);
}

SWITCHYARD_GATE_UP_ROW_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
