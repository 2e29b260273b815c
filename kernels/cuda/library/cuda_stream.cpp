#include "kernels/cuda/library/cuda_stream.h"

#include "kernels/cuda/launcher_table.h"
#include "kernels/cuda/library/cuda_error.h"

#include <string>
#include <utility>

namespace switchyard::cuda {

void CudaContext::enter() {
    // Nothing else in this library's copy of the runtime moves a thread's device.
    static thread_local int current = -1;
    if (lost)
        throw DeviceError("the device was lost", true);
    if (current == index)
        return;
    check(cudaSetDevice(index), "the device cannot be used");
    current = index;
}

void CudaContext::check(cudaError_t error, const char* what) {
    try {
        cuda::check(error, what);
    } catch (const DeviceError& problem) {
        if (problem.lost())
            lost = true;
        throw;
    }
}

// ---- Events

CudaEvent::CudaEvent(std::shared_ptr<CudaContext> context) : context_(std::move(context)) {
    context_->enter();
    context_->check(cudaEventCreate(&event_), "an event cannot be made");
}
CudaEvent::~CudaEvent() { cudaEventDestroy(event_); }

void CudaEvent::wait() {
    context_->enter();
    context_->check(cudaEventSynchronize(event_), "the device failed");
}

bool CudaEvent::passed() {
    context_->enter();
    const cudaError_t error = cudaEventQuery(event_);
    if (error == cudaErrorNotReady)
        return false;
    context_->check(error, "the device failed");
    return true;
}

double CudaEvent::seconds_since(const Event& earlier) const {
    context_->enter();
    float milliseconds = 0;
    context_->check(
        cudaEventElapsedTime(&milliseconds, static_cast<const CudaEvent&>(earlier).event_, event_),
        "two events cannot be compared");
    return milliseconds * 1e-3;
}

// ---- Graphs

CudaGraph::CudaGraph(std::shared_ptr<CudaContext> context, cudaGraph_t recorded, cudaStream_t stream)
    : context_(std::move(context)) {
    cudaGraphExec_t graph = nullptr;
    const cudaError_t made = cudaGraphInstantiate(&graph, recorded, 0);
    cudaGraphDestroy(recorded);
    context_->check(made, "a graph cannot be made");
    graph_.reset(graph);
    context_->check(cudaGraphUpload(graph, stream), "a graph cannot be made ready");
}

// ---- Streams

CudaStream::CudaStream(std::shared_ptr<CudaContext> context, StreamUse use) : context_(std::move(context)) {
    context_->enter();
    int least = 0, greatest = 0;
    context_->check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "a stream cannot be made");
    context_->check(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking,
                                                 use == StreamUse::Steps ? greatest : least),
                    "a stream cannot be made");
}

CudaStream::~CudaStream() {
    drop_recording();
    cudaStreamDestroy(stream_);
}

void CudaStream::launch(const Launch& launch) {
    const Launcher start = launcher_of(launch);
    context_->enter();
    Launch allowed = launch;
    allowed.dependent = launch.dependent && behind_launch_ && context_->dependent_launches;
    if (const int error = start(stream_, allowed); error != 0)
        context_->check(static_cast<cudaError_t>(error), kernel_name(launch.kernel));
    behind_launch_ = true;
}

void CudaStream::copy(std::byte* to, const std::byte* from, std::size_t bytes, cudaMemcpyKind kind,
                      const char* what) {
    context_->enter();
    behind_launch_ = false;
    context_->check(cudaMemcpyAsync(to, from, bytes, kind, stream_), what);
}
void CudaStream::copy_to_device(std::byte* to, const std::byte* from, std::size_t bytes) {
    copy(to, from, bytes, cudaMemcpyHostToDevice, "a copy to the device failed");
}
void CudaStream::copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes) {
    copy(to, from, bytes, cudaMemcpyDeviceToHost, "a copy from the device failed");
}
void CudaStream::copy_within(std::byte* to, const std::byte* from, std::size_t bytes) {
    copy(to, from, bytes, cudaMemcpyDeviceToDevice, "a copy within the device failed");
}

void CudaStream::fill(std::byte* to, std::uint8_t value, std::size_t bytes) {
    context_->enter();
    behind_launch_ = false;
    context_->check(cudaMemsetAsync(to, value, bytes, stream_), "memory of the device cannot be filled");
}

// What a graph records or waits for is seen outside of it only where that is said.
void CudaStream::record(Event& event) {
    context_->enter();
    behind_launch_ = false;
    context_->check(cudaEventRecordWithFlags(static_cast<CudaEvent&>(event).get(), stream_,
                                             recording_ ? cudaEventRecordExternal : cudaEventRecordDefault),
                    "an event cannot be recorded");
}
void CudaStream::wait_for(const Event& event) {
    context_->enter();
    behind_launch_ = false;
    context_->check(cudaStreamWaitEvent(stream_, static_cast<const CudaEvent&>(event).get(),
                                        recording_ ? cudaEventWaitExternal : cudaEventWaitDefault),
                    "a stream cannot wait");
}

void CudaStream::synchronise() {
    context_->enter();
    behind_launch_ = false;
    context_->check(cudaStreamSynchronize(stream_), "the device failed");
}

void CudaStream::begin_recording() {
    context_->enter();
    drop_recording();
    context_->check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
                    "launches cannot be recorded");
    recording_ = true;
    behind_launch_ = false;
}

std::unique_ptr<Graph> CudaStream::end_recording() {
    context_->enter();
    recording_ = behind_launch_ = false;
    cudaGraph_t recorded = nullptr;
    context_->check(cudaStreamEndCapture(stream_, &recorded), "launches cannot be recorded");
    return std::make_unique<CudaGraph>(context_, recorded, stream_);
}

void CudaStream::drop_recording() noexcept {
    if (!recording_)
        return;
    cudaGraph_t recorded = nullptr;
    if (cudaStreamEndCapture(stream_, &recorded) == cudaSuccess)
        cudaGraphDestroy(recorded);
    cudaGetLastError();
    recording_ = false;
}

void CudaStream::start(Graph& graph) {
    context_->enter();
    behind_launch_ = false;
    context_->check(cudaGraphLaunch(static_cast<CudaGraph&>(graph).get(), stream_), "a graph did not start");
}

} // namespace switchyard::cuda
