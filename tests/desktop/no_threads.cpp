// Loaded before the program's libraries: lets some of its threads fail to start. NO_THREADS=FROM:TO, counted
// from 0.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>

extern "C" __attribute__((visibility("default"))) int
pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*), void* argument) {
    static const auto real = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
    static std::atomic<int> begun = 0;
    int from = 0, to = 0;
    const char* which = std::getenv("NO_THREADS");
    if (which && std::sscanf(which, "%d:%d", &from, &to) == 2) {
        const int number = begun++;
        if (number >= from && number < to)
            return EAGAIN;
    }
    return real(thread, attributes, work, argument);
}
