#include "kernels/cuda/library/cublas.h"

#include "kernels/cuda/library/cublas_functions.h"
#include "kernels/splitmix.h"

#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace switchyard::cuda {

namespace {

using cublas::Functions;

/// Throws DeviceError where cuBLASLt failed; `what` it was to do.
void check_status(cublas::Status status, const char* what) {
    if (status != cublas::kSuccess)
        throw DeviceError(std::string(what) + ": cuBLASLt answers " + std::to_string(status), false);
}

/// out [tokens][rows] = in [tokens][cols] weights [rows][cols]^T, as cuBLASLt sees it: by columns.
class Problem {
  public:
    Problem(const Functions& functions, int rows, int cols, int tokens) : Problem(functions) {
        constexpr const char* kWhat = "a product cannot be described";
        const auto m = static_cast<std::uint64_t>(rows), k = static_cast<std::uint64_t>(cols),
                   n = static_cast<std::uint64_t>(tokens);
        check_status(functions_.make_description(&description, cublas::kComputeFloat, cublas::kRealFloat),
                     kWhat);
        check_status(functions_.describe(description, cublas::kTransposeFirst, &cublas::kTransposed,
                                         sizeof cublas::kTransposed),
                     kWhat);
        check_status(functions_.make_layout(&weights, cublas::kRealHalf, k, m, cols), kWhat);
        check_status(functions_.make_layout(&in, cublas::kRealHalf, k, n, cols), kWhat);
        check_status(functions_.make_layout(&out, cublas::kRealFloat, m, n, rows), kWhat);
    }
    ~Problem() {
        if (description)
            functions_.destroy_description(description);
        for (const cublas::Layout layout : {weights, in, out})
            if (layout)
                functions_.destroy_layout(layout);
    }
    Problem(const Problem&) = delete;
    Problem& operator=(const Problem&) = delete;

    cublas::Description description = nullptr;
    cublas::Layout weights = nullptr, in = nullptr, out = nullptr;

  private:
    /// Complete by itself: what the other constructor made goes where it throws.
    explicit Problem(const Functions& functions) : functions_(functions) {}

    const Functions& functions_;
};

class CublasProducts : public DenseProducts {
  public:
    CublasProducts(const Functions& functions, std::shared_ptr<CudaContext> context)
        : functions_(functions), context_(std::move(context)) {
        context_->enter();
        check_status(functions_.create(&handle_), "cuBLASLt does not start");
    }
    ~CublasProducts() override {
        if (!context_->lost)
            functions_.destroy(handle_);
    }

    std::string name() const override { return "cuBLASLt " + cublas::version_text(functions_.version()); }

    bool takes(std::int32_t rows, std::int32_t cols) override { return algorithm(rows, cols).has_value(); }

    void multiply(Stream& stream, const DenseProduct& product) override {
        const auto algorithm = this->algorithm(product.rows, product.cols);
        if (!algorithm)
            throw DeviceError("cuBLASLt has no way for this product", false);
        start(static_cast<CudaStream&>(stream).for_other_work(), product, *algorithm);
    }

  private:
    std::optional<cublas::Algorithm> algorithm(int rows, int cols) {
        const std::lock_guard lock(mutex_);
        const auto [found, fresh] = algorithms_.try_emplace({rows, cols});
        if (fresh) {
            try {
                found->second = find(rows, cols);
            } catch (...) {
                algorithms_.erase(found);
                throw;
            }
        }
        return found->second;
    }

    void start(cudaStream_t stream, const DenseProduct& p, const cublas::Algorithm& algorithm) {
        const Problem problem(functions_, p.rows, p.cols, p.tokens);
        const float one = 1.0f, zero = 0.0f;
        check_status(functions_.multiply(handle_, problem.description, &one, p.weights, problem.weights, p.in,
                                         problem.in, &zero, p.out, problem.out, p.out, problem.out,
                                         &algorithm, nullptr, 0, stream),
                     "a dense product cannot be started");
    }

    /// What cuBLASLt would take for a long prompt, if each of its sums is one sequence and bits do not tell a
    /// column's place. The algorithm found is used for any number of columns.
    std::optional<cublas::Algorithm> find(int rows, int cols) {
        constexpr int kTokens = 2048, kMost = 8;
        context_->enter();
        const Problem problem(functions_, rows, cols, kTokens);
        cublas::Choice choices[kMost] = {};
        int count = 0;
        {
            cublas::Preference preference = nullptr;
            check_status(functions_.make_preference(&preference), "cuBLASLt takes no wishes");
            const std::uint64_t workspace = 0;
            const std::uint32_t reductions = 0, alignment = 128;
            cublas::Status status =
                functions_.prefer(preference, cublas::kWorkspaceBytes, &workspace, sizeof workspace);
            if (status == cublas::kSuccess)
                status =
                    functions_.prefer(preference, cublas::kReductionMask, &reductions, sizeof reductions);
            for (int i = 0; i < 4 && status == cublas::kSuccess; ++i)
                status =
                    functions_.prefer(preference, cublas::kAlignmentFirst + i, &alignment, sizeof alignment);
            if (status == cublas::kSuccess &&
                functions_.choose(handle_, problem.description, problem.weights, problem.in, problem.out,
                                  problem.out, preference, kMost, choices, &count) != cublas::kSuccess)
                count = 0; // it knows none
            functions_.destroy_preference(preference);
            check_status(status, "cuBLASLt takes no wishes");
        }
        for (int i = 0; i < count; ++i)
            if (choices[i].state == cublas::kSuccess && choices[i].workspace == 0 &&
                is_undivided(choices[i].algorithm) && passes_trial(rows, cols, choices[i].algorithm))
                return choices[i].algorithm;
        return std::nullopt;
    }

    /// An algorithm that cannot be tried is none: there are other ways than the library's.
    bool passes_trial(int rows, int cols, const cublas::Algorithm& algorithm) {
        try {
            return is_repeatable(rows, cols, algorithm);
        } catch (const DeviceError& error) {
            if (error.lost())
                throw;
            cudaGetLastError(); // it passes
            return false;
        }
    }

    bool is_undivided(const cublas::Algorithm& algorithm) const {
        std::int32_t splits = 0;
        std::uint32_t reduction = 0;
        std::size_t written = 0;
        return functions_.configuration(&algorithm, cublas::kSplitCount, &splits, sizeof splits, &written) ==
                   cublas::kSuccess &&
               functions_.configuration(&algorithm, cublas::kReduction, &reduction, sizeof reduction,
                                        &written) == cublas::kSuccess &&
               splits <= 1 && reduction == 0;
    }

    /// Whether columns have the same bits at other places, among more and others.
    bool is_repeatable(int rows, int cols, const cublas::Algorithm& algorithm);

    Functions functions_;
    std::shared_ptr<CudaContext> context_;
    cublas::Handle handle_ = nullptr;
    std::mutex mutex_;
    std::map<std::pair<int, int>, std::optional<cublas::Algorithm>> algorithms_;
};

/// Device memory for a while.
class BorrowedMemory {
  public:
    BorrowedMemory(CudaContext& context, std::size_t bytes) {
        context.check(cudaMalloc(&memory_, bytes), "there is no memory to try a product");
    }
    ~BorrowedMemory() { cudaFree(memory_); }
    BorrowedMemory(const BorrowedMemory&) = delete;
    BorrowedMemory& operator=(const BorrowedMemory&) = delete;
    template <typename T>
    T* as() const {
        return static_cast<T*>(memory_);
    }

  private:
    void* memory_ = nullptr;
};

/// Halves of any sign from 2^-7 to 2, drawn.
std::vector<std::uint16_t> drawn_halves(std::size_t count, std::uint64_t seed) {
    std::vector<std::uint16_t> values(count);
    for (std::size_t i = 0; i < count; i += 4) {
        const std::uint64_t bits = splitmix(seed + i);
        for (std::size_t j = 0; j < 4 && i + j < count; ++j) {
            const auto sixteen = static_cast<unsigned>(bits >> (16 * j) & 0xffffu);
            values[i + j] = static_cast<std::uint16_t>((sixteen & 0x9fffu) + 0x2000u);
        }
    }
    return values;
}

bool CublasProducts::is_repeatable(int rows, int cols, const cublas::Algorithm& algorithm) {
    constexpr int kFew = kDenseTokens, kMany = 5 * kDenseTokens;
    const auto place = [](int token) {
        return (token * 7 + 301) % kMany;
    }; // of one of the few among the many
    const auto m = static_cast<std::size_t>(rows), k = static_cast<std::size_t>(cols);
    const auto weights = drawn_halves(m * k, 1), few = drawn_halves(kFew * k, 2);
    std::vector<std::uint16_t> many(kMany * k, 0x7e00); // NaN beside them
    for (int token = 0; token < kFew; ++token)
        std::memcpy(many.data() + static_cast<std::size_t>(place(token)) * k,
                    few.data() + static_cast<std::size_t>(token) * k, k * sizeof(std::uint16_t));

    const BorrowedMemory a(*context_, m * k * sizeof(std::uint16_t)),
        b(*context_, many.size() * sizeof(std::uint16_t)), c(*context_, kMany * m * sizeof(float));
    CudaStream stream(context_, StreamUse::Steps);
    const auto product = [&](const std::vector<std::uint16_t>& in, int tokens) {
        const auto upload = [&](std::uint16_t* to, const std::vector<std::uint16_t>& values) {
            stream.copy_to_device(reinterpret_cast<std::byte*>(to),
                                  reinterpret_cast<const std::byte*>(values.data()),
                                  values.size() * sizeof(std::uint16_t));
        };
        upload(a.as<std::uint16_t>(), weights);
        upload(b.as<std::uint16_t>(), in);
        start(stream.for_other_work(),
              {a.as<std::uint16_t>(), b.as<std::uint16_t>(), c.as<float>(), rows, cols, tokens}, algorithm);
        std::vector<std::uint32_t> out(static_cast<std::size_t>(tokens) * m);
        stream.copy_to_host(reinterpret_cast<std::byte*>(out.data()), c.as<std::byte>(),
                            out.size() * sizeof(float));
        stream.synchronise();
        return out;
    };
    const auto alone = product(few, kFew), among = product(many, kMany);
    for (int token = 0; token < kFew; ++token)
        if (std::memcmp(alone.data() + static_cast<std::size_t>(token) * m,
                        among.data() + static_cast<std::size_t>(place(token)) * m, m * sizeof(float)) != 0)
            return false;
    return true;
}

} // namespace

std::unique_ptr<DenseProducts> open_cublas(std::shared_ptr<CudaContext> context) {
    Functions functions = {};
    if (!cublas::open_functions(functions))
        return nullptr;
    try {
        return std::make_unique<CublasProducts>(functions, std::move(context));
    } catch (const DeviceError& problem) {
        if (problem.lost())
            throw;
        return nullptr; // the kernels of our own do without it
    }
}

} // namespace switchyard::cuda
