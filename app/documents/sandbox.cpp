#include "app/documents/sandbox.h"

#include <qglobal.h>

#ifdef Q_OS_LINUX
#include "app/documents/refused_calls.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <initializer_list>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>
#endif

namespace switchyard {

#ifdef Q_OS_LINUX

namespace {

// ---- Files: Landlock ----

constexpr std::uint64_t kReads = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

/// All rights that a kernel of this version knows; each lets more be refused.
std::uint64_t rightsOf(long version) {
    const int count = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
    return (std::uint64_t{1} << count) - 1;
}

void allowReading(int rules, const char* path) {
    const int file = open(path, O_PATH | O_CLOEXEC);
    struct stat what;
    if (file < 0)
        return; // there is none
    if (fstat(file, &what) == 0) {
        landlock_path_beneath_attr rule{};
        rule.allowed_access = S_ISDIR(what.st_mode) ? kReads : std::uint64_t{LANDLOCK_ACCESS_FS_READ_FILE};
        rule.parent_fd = file;
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(file);
}

void closeFiles(const char* document) {
    const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return;
    landlock_ruleset_attr all{};
    all.handled_access_fs = rightsOf(version);
    const int rules = static_cast<int>(syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0));
    if (rules < 0)
        return;
    allowReading(rules, document);
    // Libraries that are loaded late, tables of character sets, fonts and their lists.
    for (const char* path : {"/usr", "/lib", "/lib64", "/etc/fonts", "/etc/ld.so.cache",
                             "/var/cache/fontconfig", "/nix/store", "/gnu/store", "/app"})
        allowReading(rules, path);
    if (const char* home = std::getenv("HOME")) {
        for (const char* fonts : {"/.fonts", "/.local/share/fonts", "/.cache/fontconfig"})
            allowReading(rules, (std::string(home) + fonts).c_str());
    }
    syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
}

// ---- Calls: seccomp ----

#if defined(__x86_64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kMachine = 0; ///< not known: nothing is filtered
#endif

using Rules = std::vector<sock_filter>;

constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EACCES;

void load(Rules& rules, std::size_t offset) {
    rules.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
}

void end(Rules& rules, std::uint32_t action) { rules.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }

/// The lower half of an argument: flags and ids have no more.
constexpr std::size_t argument(int index) {
    return offsetof(seccomp_data, args) + static_cast<std::size_t>(index) * sizeof(std::uint64_t);
}

/// What is under way is told by its number, which is loaded before and after.
void refuse(Rules& rules, long call, std::uint32_t action = kRefuse) {
    rules.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
    end(rules, action);
}

/// A call that is decided by one of its arguments: `kind` (BPF_JEQ, BPF_JSET) with `value` holds for it, or
/// not.
void decide(Rules& rules, long call, int by, unsigned int kind, std::uint32_t value, std::uint32_t if_so,
            std::uint32_t if_not) {
    rules.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 4));
    load(rules, argument(by));
    rules.push_back(BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | kind | BPF_K), value, 0, 1));
    end(rules, if_so);
    end(rules, if_not);
}

Rules filterRules() {
    constexpr std::uint32_t kWrites = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
    constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
    const auto self = static_cast<std::uint32_t>(getpid());
    Rules rules;
    load(rules, offsetof(seccomp_data, arch));
    rules.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kMachine, 1, 0));
    end(rules, SECCOMP_RET_KILL_PROCESS);
    load(rules, offsetof(seccomp_data, nr));
#ifdef __x86_64__
    constexpr std::uint32_t kX32 = 0x40000000; // the same calls once more, by other numbers
    rules.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1));
    end(rules, SECCOMP_RET_KILL_PROCESS);
#endif
    for (const long call : refusedCalls())
        refuse(rules, call);
    for (const long call : unknownCalls())
        refuse(rules, call, SECCOMP_RET_ERRNO | ENOSYS);
#ifdef SYS_open
    decide(rules, SYS_open, 1, BPF_JSET, kWrites, kRefuse, kAllow);
#endif
    decide(rules, SYS_openat, 2, BPF_JSET, kWrites, kRefuse, kAllow);
    decide(rules, SYS_clone, 0, BPF_JSET, CLONE_THREAD, kAllow, kRefuse);
    decide(rules, SYS_tgkill, 0, BPF_JEQ, self, kAllow, kRefuse); // abort() does it
    decide(rules, SYS_prlimit64, 0, BPF_JEQ, 0, kAllow, kRefuse);
    decide(rules, SYS_ioctl, 1, BPF_JEQ, TCGETS, kAllow, SECCOMP_RET_ERRNO | ENOTTY);
    end(rules, kAllow);
    return rules;
}

void closeCalls() {
    if (kMachine == 0)
        return;
    Rules rules = filterRules();
    sock_fprog program{static_cast<unsigned short>(rules.size()), rules.data()};
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

} // namespace

void giveUpRights(const char* document) {
    std::signal(SIGXFSZ, SIG_IGN); // no file can be written: whoever tries is told so
    const rlimit none{0, 0};
    setrlimit(RLIMIT_NPROC, &none);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return;
    closeFiles(document);
    closeCalls();
}

#else

void giveUpRights(const char*) {}

#endif

} // namespace switchyard
