#include "engine/backends/cuda/library_trial.h"

#include "kernels/cuda/library_interface.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace switchyard {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kTrialSwitch = "--try-cuda-library";
/// What a trial says when it has come so far; libraries may print before.
constexpr std::string_view kOpened = "\nswitchyard: opened\n", kStarted = "\nswitchyard: started\n";
/// A loaded disk gives the file in this time; a driver wakes many sleeping cards one after another.
constexpr std::chrono::seconds kOpenLimit{10}, kStartLimit{60};

/// Who waits longer wants to know for what.
constexpr std::chrono::seconds kNoticed{3};

std::atomic<bool> serves_trials{false};
std::atomic<void (*)()> tells_that_it_waits{nullptr};

void say(std::string_view word) { (void)!::write(STDOUT_FILENO, word.data(), word.size()); }

void make_trial(const char* file) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // nobody waits for it any more
    void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    say(kOpened);
    if (library) // else who opens it next is told why
        if (const auto open =
                reinterpret_cast<cuda::OpenCudaLibrary>(dlsym(library, cuda::kOpenCudaLibrary))) {
            cuda::LibraryAnswer answer;
            const cuda::DeviceList* devices = open(cuda::library_abi(), &answer);
            const int count = devices && answer.abi == cuda::library_abi() ? devices->count() : 0;
            for (int i = 0; i < count; ++i) { // whatever a list of devices asks of the driver
                (void)devices->unusable(i);
                (void)devices->memory(i);
                (void)devices->health(i);
            }
        }
    say(kStarted);
}

/// A process of this program that makes a trial, and what it says.
class TrialProcess {
  public:
    explicit TrialProcess(const std::filesystem::path& file) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            return;
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        std::string name = "switchyard", option(kTrialSwitch), path = file.string();
        char* const arguments[] = {name.data(), option.data(), path.data(), nullptr};
        if (::posix_spawn(&process_, "/proc/self/exe", &actions, nullptr, arguments, environ) != 0)
            process_ = -1;
        posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        says_ = ends[0];
    }
    ~TrialProcess() {
        if (process_ > 0) { // in the middle of a call to its driver it may not end at once, or ever
            ::kill(process_, SIGKILL);
            std::thread([process = process_] {
                while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
                }
            }).detach();
        }
        if (says_ >= 0)
            ::close(says_);
    }
    TrialProcess(const TrialProcess&) = delete;
    TrialProcess& operator=(const TrialProcess&) = delete;

    bool runs() const { return process_ > 0; }
    enum class Heard : std::uint8_t { Word, End, Nothing };
    /// Waits until it has said `word`.
    Heard hear(std::string_view word, std::chrono::milliseconds limit) {
        const auto until = Clock::now() + limit;
        while (!heard_.contains(word)) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
            pollfd wait = {says_, POLLIN, 0};
            const int ready = left.count() > 0 ? ::poll(&wait, 1, static_cast<int>(left.count())) : 0;
            if (ready == 0)
                return Heard::Nothing;
            char text[512];
            const ssize_t read = ready > 0 ? ::read(says_, text, sizeof text) : -1;
            if (read > 0)
                heard_.add({text, static_cast<std::size_t>(read)});
            else if (read == 0 || errno != EINTR)
                return Heard::End;
        }
        return Heard::Word;
    }

  private:
    /// The end of what was said: a library may print without end.
    class Tail {
      public:
        void add(std::string_view text) {
            constexpr std::size_t kMost = 4096;
            text_ += text;
            if (text_.size() > kMost)
                text_.erase(0, text_.size() - kMost / 2);
        }
        bool contains(std::string_view word) const { return text_.find(word) != std::string::npos; }

      private:
        std::string text_;
    };

    pid_t process_ = -1;
    int says_ = -1;
    Tail heard_;
};

} // namespace

void serve_library_trial(int argc, char** argv, void (*waits)()) {
    if (argc == 3 && argv[1] == kTrialSwitch) {
        make_trial(argv[2]);
        ::_exit(0); // nothing of the library's runs any more
    }
    tells_that_it_waits = waits;
    serves_trials = true;
}

namespace {

std::optional<TrialFailure> make_trial_elsewhere(const std::filesystem::path& file) {
    TrialProcess trial(file);
    if (!trial.runs())
        return std::nullopt; // as if there were no trials
    using Heard = TrialProcess::Heard;
    struct Stage {
        TrialEnd end;
        std::string_view word;
        std::chrono::seconds limit;
        const char* ends;
    };
    constexpr Stage kStages[] = {
        {TrialEnd::Opening, kOpened, kOpenLimit, "ends the program that opens it"},
        {TrialEnd::Starting, kStarted, kStartLimit, "ends the program that starts it"}};
    for (const Stage& stage : kStages) {
        Heard heard = trial.hear(stage.word, kNoticed);
        if (heard == Heard::Nothing) {
            if (const auto tell = tells_that_it_waits.exchange(nullptr))
                tell();
            heard = trial.hear(stage.word, stage.limit - kNoticed);
        }
        if (heard == Heard::End)
            return TrialFailure{stage.end, stage.ends};
        if (heard == Heard::Nothing)
            return TrialFailure{stage.end,
                                "gives no answer in " + std::to_string(stage.limit.count()) + " s"};
    }
    return std::nullopt;
}

} // namespace

std::optional<TrialFailure> try_library(const std::filesystem::path& file, const std::string& build) {
    if (!serves_trials)
        return std::nullopt;
    // As what the loader has opened, it holds as long as the process does.
    static std::mutex mutex;
    static std::map<std::string, std::optional<TrialFailure>> known;
    const std::lock_guard lock(mutex);
    const std::string key = file.string() + ' ' + build;
    const auto found = known.find(key);
    return found != known.end() ? found->second : known[key] = make_trial_elsewhere(file);
}

} // namespace switchyard
