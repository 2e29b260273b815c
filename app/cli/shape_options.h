// What the commands that can do without a file share: a shape by its name instead of MODEL.
#pragma once

#include "engine/model/shapes.h"
#include "engine/run/forecast.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace switchyard {

/// --shape NAME and --layers N, in the place of MODEL.
class ShapeOptions {
  public:
    /// `model` is the option MODEL: one of both has to be given.
    void add_to(CLI::App& command, CLI::Option* model);
    /// Throws CLI::RequiredError where neither is given.
    bool given() const;
    /// Throws Error where it has fewer layers than asked for.
    Shape shape() const;
    const std::string& name() const { return name_; }

  private:
    std::string name_;
    int layers_ = 0;
    CLI::Option* model_ = nullptr;
};

/// {"weights_bytes": ..., "weights_mapped_bytes": ..., ...}
nlohmann::ordered_json to_json(const MemoryUse& use);

} // namespace switchyard
