// What the program makes of a CUDA library, of its driver and cards, whatever they answer.
#include "engine/backends/cuda/device_library.h"

#include "engine/backends/choose_backend.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

namespace switchyard {
namespace {

struct Libraries : testing::Test {
    ~Libraries() override {
        unsetenv("SWITCHYARD_FAKE_CARDS");
        unsetenv("SWITCHYARD_CUDA_LIBRARY");
    }
    /// A library that answers `answer`, as the one that the program finds.
    static std::shared_ptr<const DeviceLibrary> answering(const char* answer) {
        setenv("SWITCHYARD_FAKE_CARDS", answer, 1);
        setenv("SWITCHYARD_CUDA_LIBRARY", FAKE_CARDS, 1);
        return DeviceLibrary::find();
    }
    static void expect(const DeviceLibrary& library, DeviceTrouble trouble, const std::string& part) {
        EXPECT_EQ(library.trouble(), trouble) << library.reason();
        EXPECT_NE(library.reason().find(part), std::string::npos) << library.reason();
        EXPECT_EQ(library.reason().find('\n'), std::string::npos) << library.reason();
        EXPECT_THROW(library.open_device(0), Error);
    }
};

TEST_F(Libraries, AreNotThere) {
    expect(*DeviceLibrary::open({}), DeviceTrouble::NoLibrary,
           "this build of the program has no CUDA library");
    expect(*DeviceLibrary::open("/nowhere/libswitchyard_cuda.so"), DeviceTrouble::OtherLibrary,
           "cannot be opened: /nowhere");
    setenv("SWITCHYARD_CUDA_LIBRARY", "", 1);
    expect(*DeviceLibrary::find(), DeviceTrouble::NoLibrary, "no CUDA library");
}

TEST_F(Libraries, AreOfAnotherBuildOrDamaged) {
    expect(*DeviceLibrary::open(FAKE_OTHER_BUILD), DeviceTrouble::OtherLibrary,
           "is of another build than the program");
    const test::TemporaryFolder folder;
    const auto damaged = folder.path() / "damaged.so";
    std::ofstream(damaged) << "\x7f"
                              "ELF and nothing";
    expect(*DeviceLibrary::open(damaged), DeviceTrouble::OtherLibrary, "cannot be opened");
    // A copy that has not come to its end yet: the loader would map it, and die of it.
    const auto bytes = std::filesystem::file_size(FAKE_OTHER_BUILD);
    for (const auto part : {bytes - 1, bytes / 2, std::uintmax_t{1000}, std::uintmax_t{70}}) {
        std::filesystem::copy_file(FAKE_OTHER_BUILD, damaged,
                                   std::filesystem::copy_options::overwrite_existing);
        std::filesystem::resize_file(damaged, part);
        expect(*DeviceLibrary::open(damaged), DeviceTrouble::OtherLibrary, "ends too soon");
    }
    const auto pipe = folder.path() / "pipe.so";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    for (const auto& none : {pipe, folder.path()})
        expect(*DeviceLibrary::open(none), DeviceTrouble::OtherLibrary, "is no file");
    expect(*DeviceLibrary::open("libm.so.6"), DeviceTrouble::OtherLibrary, "another build");
}

TEST_F(Libraries, FindNoDriverOrAnOldOne) {
    expect(*answering("error 35 0"), DeviceTrouble::NoDriver, "there is no NVIDIA driver");
    expect(*answering("error 35 12020 CUDA driver version is insufficient"), DeviceTrouble::OldDriver,
           "knows CUDA 12.2 and this build needs 13.0: install driver 580 or newer");
}

TEST_F(Libraries, FindNoCardOrOneThatFails) {
    expect(*answering("error 100 13000 no CUDA-capable device is detected"), DeviceTrouble::NoDevice,
           "no card");
    expect(*answering("cards"), DeviceTrouble::NoDevice, "no card");
    expect(*answering("error 802 13000 system not yet initialized (cudaErrorSystemNotReady)"),
           DeviceTrouble::Failed, "CUDA does not start: system not yet initialized");
    expect(*answering("error 999 13000"), DeviceTrouble::Failed, "error 999");
    const std::string endless(200, 'x');
    expect(*answering(("error 999 13000 " + endless).c_str()), DeviceTrouble::Failed, "xxx");
    expect(*answering("cards Old/61/8"), DeviceTrouble::UnfitDevice, "Old is too old");
}

TEST_F(Libraries, GiveTheirCards) {
    const auto library = answering("cards Old/61/64 Small/86/1 Large/90/2 Broken/90/1");
    ASSERT_EQ(library->count(), 4);
    EXPECT_EQ(library->trouble(), DeviceTrouble::None);
    EXPECT_EQ(library->reason(), "");
    EXPECT_EQ(library->best(), 2);
    EXPECT_EQ(library->health(2).celsius, 42);
    EXPECT_THROW(library->open_device(0), Error);
    EXPECT_THROW(library->open_device(4), Error);
    EXPECT_THROW(library->open_device(-1), Error);
    const auto device = library->open_device(2);
    EXPECT_EQ(device->memory().total, std::size_t{2} << 30);
    try {
        library->open_device(3);
        FAIL();
    } catch (const Error& error) { // no line of the library's own passes
        EXPECT_STREQ(error.what(), "Broken: out of memory (cudaErrorMemoryAllocation)");
    }
}

/// The library of this build, on whatever machine this is.
TEST_F(Libraries, TheRealOneAnswers) {
#ifdef REAL_LIBRARY
    const auto library = DeviceLibrary::open(REAL_LIBRARY);
    EXPECT_NE(library->trouble(), DeviceTrouble::OtherLibrary) << library->reason();
    EXPECT_NE(library->trouble(), DeviceTrouble::NoLibrary);
    if (!library->reason().empty())
        return expect(*library, library->trouble(), "");
    EXPECT_FALSE(library->info(library->best()).name.empty());
    EXPECT_GT(library->open_device(library->best())->memory().total, 0u);
#else
    GTEST_SKIP() << "nvcc was not found: the CUDA library is not built";
#endif
}

TEST_F(Libraries, ChooseWhatIsAskedFor) {
    using Kind = DeviceChoice::Kind;
    EXPECT_EQ(parse_device("auto"), DeviceChoice{});
    EXPECT_EQ(parse_device("cpu"), (DeviceChoice{Kind::Cpu, -1}));
    EXPECT_EQ(parse_device("cuda"), (DeviceChoice{Kind::Cuda, -1}));
    EXPECT_EQ(parse_device("cuda:11"), (DeviceChoice{Kind::Cuda, 11}));
    EXPECT_EQ(parse_device("CUDA"), (DeviceChoice{Kind::Cuda, -1}));
    EXPECT_EQ(parse_device("Cuda:1"), (DeviceChoice{Kind::Cuda, 1}));
    for (const char* text : {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "cuda:99999999999", "CUDA:"})
        EXPECT_THROW(parse_device(text), Error) << text;

    answering("error 35 0");
    const auto chosen = [](Kind kind) {
        return choose_backend(*this_hardware(), {{kind, -1}, [](Backend&) { return MemoryUse(); }},
                              {2, false});
    };
    EXPECT_EQ(chosen(Kind::Auto).backend->name(), "cpu");
    EXPECT_NE(chosen(Kind::Auto).why_not_cuda.find("no NVIDIA driver"), std::string::npos);
    EXPECT_EQ(chosen(Kind::Auto).why,
              "Automatic: the CPU, because there is no NVIDIA driver on this machine.");
    EXPECT_EQ(chosen(Kind::Cpu).why_not_cuda, "");
    EXPECT_EQ(chosen(Kind::Cpu).why, "");
    EXPECT_THROW(chosen(Kind::Cuda), Error);
}

} // namespace
} // namespace switchyard
