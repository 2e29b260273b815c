// Icons that grow with the text beside them.
#pragma once

class QAbstractButton;

namespace switchyard {

/// Gives the button's icon `usual` pixels a side, and more where the font is larger than usual, now and
/// whenever the font changes.
void followFont(QAbstractButton& button, int usual);

} // namespace switchyard
