// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceHubErrors} from "../interfaces/IInferenceHub.sol";
import {BabyJubjub} from "./BabyJubjub.sol";

/// @title The meaning of a proven output, by the schema of its model
/// @dev For consumers: `OutputReading.label(HUB.modelOf(modelId).form, output)`. Outputs are proven field elements.
library OutputReading {
    uint256 private constant LABEL_BITS = 16;

    /// @notice The class, and how sure the model is of it: 0 where the model states no margin.
    /// @dev Reverts with OutputNotALabel for other outputs.
    function label(
        IInferenceHubErrors.OutputForm form,
        uint256 output
    ) internal pure returns (uint256 class, uint256 margin) {
        if (form == IInferenceHubErrors.OutputForm.Label) return (output, 0);
        requireLabel(form);
        return (output & ((1 << LABEL_BITS) - 1), output >> LABEL_BITS);
    }

    /// @notice A score in units of one over the model's scale.
    /// @dev Reverts with OutputNotAScore for other outputs.
    function score(IInferenceHubErrors.OutputForm form, uint256 output) internal pure returns (int256) {
        if (form != IInferenceHubErrors.OutputForm.Score) revert IInferenceHubErrors.OutputNotAScore(form);
        return output > BabyJubjub.FIELD / 2 ? -int256(BabyJubjub.FIELD - output) : int256(output);
    }

    /// @notice Whether outputs of this form carry a margin. Reverts with OutputNotALabel where they have no label.
    function requireLabel(IInferenceHubErrors.OutputForm form) internal pure returns (bool margins) {
        margins = form == IInferenceHubErrors.OutputForm.LabelAndMargin;
        if (!margins && form != IInferenceHubErrors.OutputForm.Label) revert IInferenceHubErrors.OutputNotALabel(form);
    }
}
