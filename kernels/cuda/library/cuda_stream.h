// CUDA's streams, graphs and events.
#pragma once

#include "kernels/cuda/device.h"

#include <cuda_runtime_api.h>

#include <atomic>
#include <memory>
#include <type_traits>

namespace switchyard::cuda {

/// What a device's streams and events know of it.
struct CudaContext {
    int index = 0;
    bool dependent_launches = false; ///< whether a launch may begin before the one before it has ended
    std::atomic<bool> lost{false};

    /// Makes it the calling thread's device. Throws DeviceError where it is lost.
    void enter();
    /// Throws DeviceError where `error` is one, and remembers a lost device.
    void check(cudaError_t error, const char* what);
};

class CudaEvent : public Event {
  public:
    explicit CudaEvent(std::shared_ptr<CudaContext> context);
    ~CudaEvent() override;
    void wait() override;
    bool passed() override;
    double seconds_since(const Event& earlier) const override;
    cudaEvent_t get() const { return event_; }

  private:
    std::shared_ptr<CudaContext> context_;
    cudaEvent_t event_ = nullptr;
};

class CudaGraph : public Graph {
  public:
    /// Takes `recorded`.
    CudaGraph(std::shared_ptr<CudaContext> context, cudaGraph_t recorded, cudaStream_t stream);
    cudaGraphExec_t get() const { return graph_.get(); }

  private:
    std::shared_ptr<CudaContext> context_;
    struct Destroy {
        void operator()(cudaGraphExec_t graph) const noexcept { cudaGraphExecDestroy(graph); }
    };
    std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, Destroy> graph_;
};

class CudaStream : public Stream {
  public:
    CudaStream(std::shared_ptr<CudaContext> context, StreamUse use);
    ~CudaStream() override;
    void launch(const Launch& launch) override;
    void copy_to_device(std::byte* to, const std::byte* from, std::size_t bytes) override;
    void copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes) override;
    void copy_within(std::byte* to, const std::byte* from, std::size_t bytes) override;
    void fill(std::byte* to, std::uint8_t value, std::size_t bytes) override;
    void record(Event& event) override;
    void wait_for(const Event& event) override;
    void synchronise() override;
    void begin_recording() override;
    std::unique_ptr<Graph> end_recording() override;
    void drop_recording() noexcept override;
    void start(Graph& graph) override;
    /// For work that is none of ours to be queued.
    cudaStream_t for_other_work() {
        context_->enter();
        behind_launch_ = false;
        return stream_;
    }

  private:
    void copy(std::byte* to, const std::byte* from, std::size_t bytes, cudaMemcpyKind kind, const char* what);

    std::shared_ptr<CudaContext> context_;
    cudaStream_t stream_ = nullptr;
    bool recording_ = false;
    bool behind_launch_ = false; ///< the last thing in the stream is a launch: only then may one depend on it
};

} // namespace switchyard::cuda
