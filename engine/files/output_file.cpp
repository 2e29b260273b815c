#include "engine/files/output_file.h"

#include "engine/base/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace switchyard {

namespace {

namespace fs = std::filesystem;

/// "model" of "model-00001-of-00003.gguf", else "".
std::string split_name(const fs::path& path) {
    const std::string name = path.filename().string();
    const std::size_t end = name.rfind("-of-");
    const std::size_t number = end == std::string::npos || end == 0 ? end : name.rfind('-', end - 1);
    return number == std::string::npos ? "" : name.substr(0, number + 1);
}

std::vector<fs::path> files_of(const fs::path& input) {
    std::error_code error;
    std::vector<fs::path> files;
    const bool folder = fs::is_directory(input, error);
    const std::string parts = folder ? "" : split_name(input);
    if (!folder)
        files.push_back(input);
    if (folder || !parts.empty()) {
        const fs::path place = folder ? input : input.has_parent_path() ? input.parent_path() : fs::path(".");
        for (fs::directory_iterator it(place, error), end; !error && it != end; it.increment(error)) {
            if (it->path().filename().string().starts_with(parts))
                files.push_back(it->path());
        }
    }
    return files;
}

void check_place_not_read(const fs::path& place, std::span<const fs::path> inputs) {
    std::error_code error;
    for (const fs::path& input : inputs) {
        for (const fs::path& file : files_of(input)) {
            if (fs::equivalent(place, file, error))
                throw Error(place.string() + ": must not be overwritten: it is what is read (" +
                            file.string() + "); choose another name for the result");
        }
    }
}

void check_place(const fs::path& place, std::span<const fs::path> inputs) {
    std::error_code error;
    const fs::file_status status = fs::status(place, error);
    const bool link = fs::is_symlink(fs::symlink_status(place, error));
    if (!fs::exists(status) && !link)
        return;
    if (fs::is_directory(status))
        throw Error(place.string() + ": cannot be written: it is a folder; name a file in it");
    if (fs::exists(status) && !fs::is_regular_file(status))
        throw Error(place.string() +
                    ": cannot be written: it is a device or pipe, and a model has to be a plain file");
    check_place_not_read(place, inputs);
    if (link) // a file in its place would take the link away, and leave what it leads to as it is
        throw Error(place.string() + ": cannot be written: it is a link; name the file itself");
    if ((status.permissions() & fs::perms::owner_write) == fs::perms::none)
        throw Error(place.string() + ": cannot be written: it is write-protected");
}

fs::path part_of(fs::path path) { return path += ".part"; }

/// A device, a pipe or a link: it is to stay what it is.
bool is_straight(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::symlink_status(path, error);
    return fs::exists(status) && !fs::is_regular_file(status);
}

} // namespace

void check_not_read(const fs::path& output, std::span<const fs::path> inputs) {
    check_place_not_read(output, inputs);
    if (!is_straight(output))
        check_place_not_read(part_of(output), inputs);
}

std::vector<fs::path> existing_files(std::span<const fs::path> outputs) {
    std::error_code error;
    std::vector<fs::path> existing;
    for (const fs::path& out : outputs)
        if (!out.empty() && fs::is_regular_file(out, error))
            existing.push_back(out);
    return existing;
}

OutputFile::OutputFile(fs::path path)
    : path_(std::move(path)), part_(is_straight(path_) ? path_ : part_of(path_)) {
    file_ = std::fopen(part_.c_str(), "wbe");
    if (file_ == nullptr)
        fail(std::strerror(errno));
}

OutputFile::~OutputFile() { drop(); }

void OutputFile::drop() {
    if (file_ == nullptr)
        return;
    std::fclose(std::exchange(file_, nullptr));
    std::error_code ignored;
    if (part_ != path_)
        fs::remove(part_, ignored);
}

void OutputFile::fail(const std::string& why) {
    drop();
    throw Error(path_.string() + ": cannot be written: " + why);
}

void OutputFile::write(const void* data, std::size_t bytes) {
    if (bytes != 0 && std::fwrite(data, 1, bytes, file_) != bytes)
        fail(std::strerror(errno));
}

void OutputFile::finish() {
    if (file_ == nullptr)
        fail("the file was already closed");
    if (std::fflush(file_) != 0 || (part_ != path_ && ::fsync(::fileno(file_)) != 0))
        fail(std::strerror(errno));
    std::error_code error;
    if (part_ != path_)
        fs::rename(part_, path_, error);
    if (error)
        fail(error.message());
    std::fclose(std::exchange(file_, nullptr));
}

void check_outputs(std::span<const fs::path> outputs, std::span<const fs::path> inputs) {
    std::vector<fs::path> taken;
    for (const fs::path& out : outputs) {
        if (out.empty())
            continue;
        const fs::path part = part_of(out);
        for (const fs::path& place : {out, part}) {
            check_place(place, inputs);
            if (std::ranges::find(taken, fs::absolute(place).lexically_normal()) != taken.end())
                throw Error(out.string() + ": cannot be written twice: choose another name for one of them");
        }
        for (const fs::path& place : {out, part})
            taken.push_back(fs::absolute(place).lexically_normal());
    }
}

} // namespace switchyard
