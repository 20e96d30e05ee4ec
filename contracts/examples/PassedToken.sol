// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IIdentityGate} from "../interfaces/IIdentityGate.sol";

/// @title A token that moves only between accounts with a pass
/// @dev An account whose pass has expired keeps its tokens, and can move them again once it has renewed the pass.
contract PassedToken is ERC20 {
    IIdentityGate private immutable GATE;

    error NotPassed(address account);

    constructor(IIdentityGate gate, uint256 supply) ERC20("Passed", "PASS") {
        GATE = gate;
        _mint(msg.sender, supply);
    }

    /// @dev Minting has no sender, and the deployer needs no pass to receive the supply.
    function _update(address from, address to, uint256 value) internal override {
        if (from != address(0)) {
            if (!GATE.isPassed(from)) revert NotPassed(from);
            if (!GATE.isPassed(to)) revert NotPassed(to);
        }
        super._update(from, to, value);
    }
}
