// What the host sees of a device: memory, streams of work, kernels by name. One library implements it with
// CUDA's runtime and is opened only where there is a driver; another runs the same kernels on the CPU, for
// tests. Nothing here needs CUDA to be compiled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

namespace switchyard::cuda {

/// What a device answered instead of doing what it was asked for. After a lost() one every call fails.
class DeviceError : public std::runtime_error {
  public:
    DeviceError(const std::string& what, bool lost) : std::runtime_error(what), lost_(lost) {}
    bool lost() const { return lost_; }

  private:
    bool lost_;
};

struct DeviceInfo {
    int index = 0;
    std::string name; ///< "NVIDIA H200"
    int compute = 0;  ///< capability: 90 is 9.0
    int multiprocessors = 0;
    std::size_t memory_bytes = 0;
    std::size_t l2_bytes = 0;
    std::size_t shared_bytes = 0;    ///< that one block may have
    int driver = 0;                  ///< newest CUDA that the driver knows: 13000 is 13.0
    int runtime = 0;                 ///< CUDA that the library was built with
    std::string driver_version = {}; ///< "580.159.03"; "" where that is not known
    std::string pci = {};            ///< "0000:01:00.0"
    std::string uuid = {};           ///< of this card among all; "" where that is not known
};

struct MemoryUse {
    std::size_t free = 0, total = 0; ///< as the driver says, others' programs included
    std::size_t taken = 0;           ///< of it by Device::allocate(), as the driver rounds it
};

/// How a device is at the moment, as its driver tells; below zero where it does not.
struct DeviceHealth {
    int celsius = -1;
    double watts = -1, watts_limit = -1;
    int clock_mhz = -1, memory_clock_mhz = -1;
};

/// Blocks of a grid, in x and y.
struct GridSize {
    unsigned x = 1, y = 1;
};

enum class Kernel : std::uint16_t; // kernel_list.h

/// One launch. `params` is the kernel's parameter struct and is copied before the call returns.
struct Launch {
    Kernel kernel;
    GridSize grid;
    /// May begin before the launch before it has ended: it then waits by itself (wait_for_previous()) before
    /// it touches what that one writes (programmatic dependent launch).
    bool dependent = false;
    const void* params = nullptr;
    std::size_t more_shared = 0; ///< bytes of shared memory behind the kernel's struct
};

/// Launches and copies that were recorded once, to be started as one.
class Graph {
  public:
    virtual ~Graph() = default;
};

/// Something a stream passes at its time.
class Event {
  public:
    virtual ~Event() = default;
    virtual void wait() = 0; ///< until it was passed; throws DeviceError
    virtual bool passed() = 0;
    /// Time between two events that were passed, in seconds.
    virtual double seconds_since(const Event& earlier) const = 0;
};

/// Work in order. Calls return before it is done, unless they say that they wait; what a stream reads or
/// writes on the host must be memory of Device::allocate_host() then. All throw DeviceError.
class Stream {
  public:
    virtual ~Stream() = default;
    virtual void launch(const Launch& launch) = 0;
    virtual void copy_to_device(std::byte* to, const std::byte* from, std::size_t bytes) = 0;
    virtual void copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes) = 0;
    virtual void copy_within(std::byte* to, const std::byte* from, std::size_t bytes) = 0;
    virtual void fill(std::byte* to, std::uint8_t value, std::size_t bytes) = 0;
    virtual void record(Event& event) = 0;
    virtual void wait_for(const Event& event) = 0; ///< the stream waits, not the caller
    virtual void synchronise() = 0;                ///< waits until all of it is done
    /// What comes between is recorded and not done.
    virtual void begin_recording() = 0;
    virtual std::unique_ptr<Graph> end_recording() = 0;
    /// Gives up what is being recorded, if anything is.
    virtual void drop_recording() noexcept = 0;
    virtual void start(Graph& graph) = 0;
};

/// Rows of 16-bit floats multiplied with rows of a matrix of 16-bit floats, sums in floats.
struct DenseProduct {
    const std::uint16_t* weights;    ///< [rows][cols]
    const std::uint16_t* in;         ///< [tokens][cols]
    float* out;                      ///< [tokens][rows]: the sum over c of weights[m][c] * in[t][c]
    std::int32_t rows, cols, tokens; ///< tokens: whole kDenseTokens
};
/// Tokens of a product come in such packs.
inline constexpr int kDenseTokens = 256;

/// Products by the maker's own library. One way of computing is found for each shape of matrix, and keeps: an
/// output's bits depend on its token's values, the matrix and the device alone, never on how many tokens
/// there are, which stand beside it, or where it stands among them. No sum is split.
class DenseProducts {
  public:
    virtual ~DenseProducts() = default;
    /// "cuBLASLt 13.1.0"
    virtual std::string name() const = 0;
    /// Whether it has such a way for matrices of this shape; the first asking may take a while and, for as
    /// long, memory. Throws DeviceError.
    virtual bool takes(std::int32_t rows, std::int32_t cols) = 0;
    /// Queues the product. PRECOND: takes(rows, cols).
    virtual void multiply(Stream& stream, const DenseProduct& product) = 0;
};

/// What a stream is for: a device goes on with the work of steps first.
enum class StreamUse : std::uint8_t { Steps, Background };

class Device {
  public:
    /// `steps`: of the card, where several devices may be it.
    explicit Device(std::shared_ptr<std::mutex> steps = std::make_shared<std::mutex>())
        : steps_(std::move(steps)) {}
    virtual ~Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    virtual const DeviceInfo& info() const = 0;
    virtual MemoryUse memory() = 0;
    virtual DeviceHealth health() { return {}; }
    /// Aligned to 256 bytes; nullptr where the device has not so much free. Contents are anything.
    virtual std::byte* allocate(std::size_t bytes) = 0;
    virtual void release(std::byte* memory) noexcept = 0;
    /// Memory of the host that streams copy from and to at full speed; nullptr where there is none.
    virtual std::byte* allocate_host(std::size_t bytes) = 0;
    virtual void release_host(std::byte* memory) noexcept = 0;
    virtual std::unique_ptr<Stream> make_stream(StreamUse use = StreamUse::Steps) = 0;
    virtual std::unique_ptr<Event> make_event() = 0;
    /// nullptr where the machine has no such library. The device keeps it; it outlives no stream.
    virtual DenseProducts* dense_products() { return nullptr; }
    /// Blocks of a kernel that a multiprocessor holds at once, each with `more_shared` bytes behind its
    /// struct.
    virtual int resident_blocks(Kernel kernel, std::size_t more_shared) = 0;
    /// Held through a step: blocks of some launches wait for each other, and two such launches at once would
    /// each keep out what the other waits for.
    std::mutex& steps() { return *steps_; }

  private:
    std::shared_ptr<std::mutex> steps_;
};

} // namespace switchyard::cuda
