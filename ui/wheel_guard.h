// Sliders and boxes on pages that scroll.
#pragma once

class QWidget;

namespace switchyard {

/// Makes every slider, number box and choice box in `page`, itself included, leave the wheel to what scrolls
/// while it has no focus: otherwise scrolling past one changes it. Call it when the boxes are there.
void leaveWheelToPage(QWidget* page);

} // namespace switchyard
