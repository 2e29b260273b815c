// Attention of one row in one launch against the launches that it stands for: the same bits, in the results
// and in the cache.
#include "kernels/cuda/attention_launch.h"
#include "tests/kernels/cuda/cache_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace switchyard::cuda {
namespace {

struct AttendRowCase {
    int heads, kv_heads, key_dim, value_dim;
    bool latent = false;
    int nope = 0; ///< with latent: of a projected query of nope + rope, rope = key_dim - value_dim
    bool norms = false, rotates = true, interleaved = false, sinks = false;
    int window = 0;
    std::vector<CacheType> types = {CacheType::F16};
    int chunk = 0;
    float cap = 0, heat = 0, value_scale = 1;
};

RowValue value_of(float* data, int width, int unit, RowStore store) {
    RowValue value = {};
    value.data = data;
    value.width = width;
    value.unit = unit;
    value.store = store;
    return value;
}

class AttendRowTwin {
  public:
    AttendRowTwin(const AttendRowCase& c, int context, const EmulatedOptions& options)
        : device_(make_test_device(options)), stream_(device_->make_stream()), c_(c),
          layout_(std::vector<KvShape>{{c.kv_heads, c.key_dim, c.latent ? 0 : c.value_dim}}) {
        random_.seed(static_cast<unsigned>(context + c.heads));
        sequence_ = random_sequence(layout_, 0, context, c.types, random_);
        std::vector<KvBlockRef> table;
        upload_sequence(*device_, *stream_, sequence_, table);
        RowInput row = {};
        row.position = context - 1;
        RowStepsParams& s = p_.steps;
        s.rows = p_.attention.rows = put(std::vector{row});
        s.blocks = p_.attention.blocks = put(table);
        table_ = table;
        s.cache = p_.attention.cache = layout_.layer(0);
        s.row_count = p_.attention.row_count = p_.attention.split_rows = 1;
        p_.attention.heads = c.heads;
        p_.attention.value_dim = c.value_dim;
        p_.attention.window = c.window;
        p_.attention.scale = 1.0f / std::sqrt(static_cast<float>(c.key_dim));
        p_.attention.chunk = c.chunk;
        p_.attention.cap = c.cap;
        p_.attention.heat = c.heat;
        p_.attention.heat_length = 50;
        p_.attention.value_scale = c.value_scale;
        p_.attention.sinks = c.sinks ? vector_of(c.heads) : nullptr;
        outputs_ = static_cast<std::size_t>(c.heads * c.value_dim);
        p_.attention.out = put(std::vector<float>(outputs_, -7.0f));
        p_.attention.partials = reinterpret_cast<float*>(
            device_->allocate(attention_scratch_floats(1, c.heads, c.value_dim) * sizeof(float)));
        const int rope = c.key_dim - c.value_dim, unit = c.latent ? c.nope + rope : c.key_dim;
        add_value(c.heads * unit, unit, RowStore::None);
        add_value(c.kv_heads * c.key_dim, c.key_dim, RowStore::Keys);
        if (!c.latent)
            add_value(c.kv_heads * c.value_dim, c.value_dim, RowStore::Values);
        else {
            queries_ = numbers(c.heads * c.key_dim);
            p_.attention.q = put(queries_);
            s.value[0].copied = rope;
            s.value[0].copy_at = c.nope;
            s.value[0].copy = const_cast<float*>(p_.attention.q) + c.value_dim;
            s.value[0].copy_row = std::int64_t{c.heads} * c.key_dim;
            s.value[0].copy_unit = c.key_dim;
        }
        if (c.norms)
            add_norm(1, c.latent ? c.value_dim : c.key_dim, c.latent ? c.value_dim : c.kv_heads * c.key_dim);
        if (c.norms && !c.latent)
            add_norm(0, c.key_dim, c.heads * c.key_dim);
        if (c.rotates) {
            const int dims = c.latent ? rope : c.key_dim / 4 * 2;
            add_rotation(0, c.heads, unit, c.latent ? c.nope : c.key_dim - dims, dims);
            add_rotation(1, c.kv_heads, c.key_dim, c.latent ? c.value_dim : c.key_dim - dims, dims);
        }
        p_.queries = 0;
        arrivals_ = static_cast<std::size_t>(c.kv_heads * query_head_tiles(c.heads / c.kv_heads));
    }

    struct Result {
        std::vector<float> out;
        std::vector<std::vector<std::byte>> blocks;
        bool operator==(const Result&) const = default;
    };
    /// By RowSteps, Attend and AttendMerge.
    Result apart() {
        restore();
        launch<Kernel::RowSteps>(*stream_, row_steps_grid(p_.steps), p_.steps);
        AttentionParams a = p_.attention;
        if (!c_.latent)
            a.q = p_.steps.value[0].data;
        launch_attention(*stream_, a, false, device_->info(), true);
        return result();
    }
    /// `merges`: by its last blocks, or by a launch behind it.
    Result at_once(bool merges) {
        restore();
        EXPECT_TRUE(attends_row(p_));
        p_.arrived = merges ? put(std::vector<std::uint32_t>(arrivals_, 0)) : nullptr;
        launch_attend_row(*stream_, p_, device_->info());
        if (!merges)
            launch<Kernel::AttendMerge>(*stream_, merge_grid(p_.attention), p_.attention, true);
        return result();
    }
    /// As the only stage of a program.
    Result in_program() {
        restore();
        AttendRowParams row = p_;
        AttentionParams& a = row.attention;
        a.split_buffer =
            row_program_split_buffer(a.cache, a.value_dim, attend_row_buffer(a, device_->info()));
        row.arrived = put(std::vector<std::uint32_t>(arrivals_, 0));
        constexpr std::int32_t kBytes = row_entry_bytes<AttendRowParams>();
        std::vector<std::byte> entry(kBytes);
        const RowEntry head = {RowStage::AttendRow, 0};
        std::memcpy(entry.data(), &head, sizeof head);
        std::memcpy(entry.data() + sizeof head, &row, sizeof row);
        const std::size_t shared = sizeof(AttendShared) + static_cast<std::size_t>(a.split_buffer) +
                                   static_cast<std::size_t>(attend_row_bytes(
                                       a.cache.key_dim, a.cache.value_dim, kRowProgramThreads));
        launch<Kernel::RowProgram>(*stream_, {static_cast<unsigned>(device_->info().multiprocessors), 1},
                                   {.program = put(entry),
                                    .arrived = put(std::vector<std::uint32_t>(1, 0)),
                                    .stages = 1,
                                    .first_bytes = kBytes,
                                    .entries_at = row_program_entries_at(shared)},
                                   false, row_program_shared(shared));
        return result();
    }

  private:
    template <typename T>
    T* put(const std::vector<T>& values) {
        return upload(*device_, *stream_, values);
    }
    std::vector<float> numbers(int count) {
        std::normal_distribution<float> number;
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float& x : values)
            x = number(random_);
        return values;
    }
    const MatrixView* vector_of(int count) {
        return put(std::vector<MatrixView>{
            {reinterpret_cast<const std::byte*>(put(numbers(count))), 1, count, BlockType::F32}});
    }
    void add_value(int width, int unit, RowStore store) {
        values_.push_back(numbers(width));
        p_.steps.value[p_.steps.values++] = value_of(put(values_.back()), width, unit, store);
    }
    void add_norm(int value, int group, int count) {
        RowStep& step = p_.steps.step[p_.steps.steps++];
        step.value = value;
        step.gain = vector_of(group);
        step.epsilon = 1e-5f;
        step.group = group;
        step.count = count;
    }
    void add_rotation(int value, int heads, int head_dim, int offset, int dims) {
        RowStep& step = p_.steps.step[p_.steps.steps++];
        step.value = value;
        step.cosines = put(numbers(dims / 2));
        step.sines = put(numbers(dims / 2));
        step.heads = heads;
        step.head_dim = head_dim;
        step.offset = offset;
        step.dims = dims;
        step.interleaved = c_.interleaved;
    }
    template <typename T>
    void write(const T* to, const std::vector<T>& values) {
        stream_->copy_to_device(reinterpret_cast<std::byte*>(const_cast<T*>(to)),
                                reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(T));
    }
    void restore() {
        for (std::size_t v = 0; v < values_.size(); ++v)
            write(p_.steps.value[v].data, values_[v]);
        if (c_.latent)
            write(p_.attention.q, queries_);
        for (std::size_t b = 0; b < table_.size(); ++b)
            write(table_[b].data, sequence_.blocks[b]);
        const std::vector<float> nothing(outputs_, -7.0f); // as long as the stream copies it
        write(p_.attention.out, nothing);
        stream_->synchronise();
    }
    Result result() {
        Result r{download(*stream_, p_.attention.out, outputs_), {}};
        for (std::size_t b = 0; b < table_.size(); ++b)
            r.blocks.push_back(download(*stream_, table_[b].data, sequence_.blocks[b].size()));
        return r;
    }

    std::unique_ptr<Device> device_;
    std::unique_ptr<Stream> stream_;
    AttendRowCase c_;
    KvLayout layout_;
    std::mt19937 random_;
    CachedSequence sequence_;
    std::vector<KvBlockRef> table_;
    std::vector<std::vector<float>> values_;
    std::vector<float> queries_;
    AttendRowParams p_ = {};
    std::size_t outputs_ = 0, arrivals_ = 0;
};

void check(const AttendRowCase& c, const std::vector<int>& contexts) {
    unsigned seed = 1;
    for (const int context : contexts) {
        // Persistent grids of few blocks too: of twice as many as multiprocessors.
        AttendRowTwin twin(c, context, {.seed = seed, .multiprocessors = 1 + static_cast<int>(seed) % 7});
        ++seed;
        const AttendRowTwin::Result expected = twin.apart();
        EXPECT_EQ(twin.at_once(false), expected) << "context " << context;
        if (!c.latent) {
            EXPECT_EQ(twin.at_once(true), expected) << "merged by its last blocks, context " << context;
            if (c.cap == 0) {
                EXPECT_EQ(twin.in_program(), expected) << "in a program, context " << context;
            }
        }
    }
}

const std::vector<int> kContexts = {1, 31, 32, 33, 255, 256, 257, 1000};
const std::vector<CacheType> kMixedTypes = {CacheType::Q8_0, CacheType::F16, CacheType::Q4_0, CacheType::FP8};

TEST(CudaAttendRow, GroupedQueries) {
    check({.heads = 8, .kv_heads = 2, .key_dim = 64, .value_dim = 64}, kContexts);
}
TEST(CudaAttendRow, NormsOfHeadsAndRotations) {
    check({.heads = 4, .kv_heads = 2, .key_dim = 128, .value_dim = 128, .norms = true, .interleaved = true},
          {1, 33, 257});
}
TEST(CudaAttendRow, OddHeadsMixedTypesSinksAndWindows) {
    AttendRowCase c{.heads = 6,
                    .kv_heads = 3,
                    .key_dim = 80,
                    .value_dim = 48,
                    .norms = true,
                    .sinks = true,
                    .window = 100,
                    .types = kMixedTypes};
    check(c, kContexts);
    for (const CacheType type : kMixedTypes) {
        c.types = {type};
        check(c, {1, 64, 65});
    }
}
TEST(CudaAttendRow, ChunksCapsTemperaturesAndScales) {
    check({.heads = 4,
           .kv_heads = 2,
           .key_dim = 64,
           .value_dim = 64,
           .chunk = 90,
           .heat = 0.3f,
           .value_scale = 0.6f},
          kContexts);
    check({.heads = 4, .kv_heads = 2, .key_dim = 256, .value_dim = 256, .chunk = 90, .heat = 0.3f}, {1, 200});
    check({.heads = 4, .kv_heads = 2, .key_dim = 64, .value_dim = 64, .cap = 0.5f}, kContexts);
    check({.heads = 4, .kv_heads = 2, .key_dim = 256, .value_dim = 256, .cap = 0.5f}, {1, 200});
}
TEST(CudaAttendRow, MoreQueriesThanATile) {
    check({.heads = 40, .kv_heads = 2, .key_dim = 32, .value_dim = 32, .rotates = false}, {1, 100, 300});
}
TEST(CudaAttendRow, WideValuesSharedByWarps) {
    check({.heads = 4, .kv_heads = 2, .key_dim = 256, .value_dim = 256, .types = kMixedTypes}, {1, 65, 300});
}
TEST(CudaAttendRow, Latent) {
    AttendRowCase c{.heads = 16,
                    .kv_heads = 1,
                    .key_dim = 576,
                    .value_dim = 512,
                    .latent = true,
                    .nope = 128,
                    .norms = true,
                    .interleaved = true};
    check(c, {1, 33, 257});
    c.types = {CacheType::Q8_0};
    check(c, {40});
    check({.heads = 20, .kv_heads = 1, .key_dim = 48, .value_dim = 32, .latent = true, .nope = 24},
          {1, 32, 300});
}

TEST(CudaAttendRow, RefusesStepsThatCrossHeads) {
    AttendRowParams p = {};
    p.attention.heads = 4;
    p.steps.cache = p.attention.cache = KvLayout(std::vector<KvShape>{{2, 64, 64}}).layer(0);
    p.steps.values = 3;
    p.steps.value[0] = value_of(nullptr, 256, 64, RowStore::None);
    p.steps.value[1] = value_of(nullptr, 128, 64, RowStore::Keys);
    p.steps.value[2] = value_of(nullptr, 128, 64, RowStore::Values);
    EXPECT_TRUE(attends_row(p));
    p.steps.value[1].unit = 128; // a norm of the whole row
    EXPECT_FALSE(attends_row(p));
    p.steps.value[1].unit = 64;
    p.steps.value[0].unit = 256;
    EXPECT_FALSE(attends_row(p));
}

} // namespace
} // namespace switchyard::cuda
