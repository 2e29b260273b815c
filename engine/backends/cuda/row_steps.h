// Norms and rotations of single rows as launches take them.
#pragma once

#include "engine/backends/cuda/stage.h"
#include "kernels/cuda/row_kernels.h"

#include <initializer_list>
#include <vector>

namespace switchyard::cuda {

/// Throws Error where the kernels have no room for the norms and rotations of a layer's attention, or for the
/// values that these change and `others`.
void check_row_steps(const std::vector<switchyard::RowStep>& steps, std::initializer_list<ValueId> others);

/// The kernels' parameters of some row steps, and of values that they change or store: no more than
/// check_row_steps() lets through.
class RowStepsBuilder {
  public:
    RowStepsBuilder(const StepLaunch& step, int layer) : step_(step) {
        p_.rows = step.inputs.rows();
        p_.blocks = step.inputs.blocks();
        p_.row_count = step.rows();
        p_.cache = step.kv.layer(layer);
    }
    /// A value; its number.
    int value(ValueId id, RowStore store = RowStore::None, int head = 0) {
        for (int v = 0; v < p_.values; ++v)
            if (p_.value[v].data == step_.value(id)) {
                if (store != RowStore::None) {
                    p_.value[v].store = store;
                    heads_[v] = head;
                }
                return v;
            }
        heads_[p_.values] = head;
        p_.value[p_.values] = {.data = step_.value(id),
                               .width = step_.width(id),
                               .unit = 0,
                               .store = store,
                               .copied = 0,
                               .copy_at = 0,
                               .copy = nullptr,
                               .copy_row = 0,
                               .copy_unit = 0};
        return p_.values++;
    }
    void add(const std::vector<switchyard::RowStep>& steps) {
        for (const switchyard::RowStep& one : steps)
            add(one);
    }
    void add(const switchyard::RowStep& s) {
        const int v = value(s.value());
        RowStep& own = p_.step[p_.steps++];
        own.value = v;
        if (s.norm) {
            own.gain = step_.weights.entry(s.norm->gain);
            own.epsilon = s.norm->epsilon;
            own.group = s.norm->group;
            own.count = s.norm->count > 0 ? s.norm->count : p_.value[v].width;
            return;
        }
        const Scratch::RopeBuffers& rope = step_.scratch.ropes[s.ropes];
        own.cosines = rope.cosines.get<float>();
        own.sines = rope.sines.get<float>();
        own.heads = s.rope->heads;
        own.head_dim = s.rope->head_dim;
        own.offset = s.rope->offset;
        own.dims = s.rope->dims;
        own.interleaved = s.rope->style == RopeStyle::Interleaved;
    }
    RowValue& at(int value) { return p_.value[value]; }
    void head(int value, int width) { heads_[value] = width; }
    /// All of it; the end.
    const RowStepsParams& params() {
        for (int v = 0; v < p_.values; ++v)
            p_.value[v].unit = row_unit(p_, v, heads_[v]);
        return p_;
    }

  private:
    const StepLaunch& step_;
    RowStepsParams p_ = {};
    int heads_[kRowValues] = {};
};

/// Changes and stores, without the values that have none of these.
void launch_row_steps(StepLaunch& step, RowStepsParams p);

} // namespace switchyard::cuda
