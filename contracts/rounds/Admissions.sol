// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAdmission} from "../interfaces/IAdmission.sol";
import {Seats} from "./Seats.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title Asks a service's admission contract whether a keeper may take a seat
/// @dev An invalid answer admits nobody. The service calls the contract before it writes anything, in a static call with
/// bounded gas, and reads at most two words of the answer. A caller that sends too little gas only keeps itself out.
abstract contract Admissions is ServiceStorage {
    uint256 private constant ADMISSION_GAS = 100_000;

    /// @param seat The seat that the keeper is about to take. @param seated The seats that are already taken.
    function _admit(address keeper, uint8 seat, Seats seated) internal {
        address admission = _parameters.admission;
        if (admission == address(0)) return;
        (bool admitted, bytes32 party) = _ask(admission, keeper);
        if (!admitted) revert NotAdmitted(keeper, admission);
        Seats held = _seats.partyMembers(party, seated.excluding(seat));
        uint256 max = _parameters.partySeats;
        if (held.count() >= max) revert PartyFull(party, held.count(), max);
        _seats.enrol(keeper, party, held.including(seat));
    }

    function _ask(address admission, address keeper) private view returns (bool admitted, bytes32 party) {
        bytes memory input = abi.encodeCall(IAdmission.admit, (address(this), keeper));
        assembly ("memory-safe") {
            admitted := staticcall(ADMISSION_GAS, admission, add(input, 0x20), mload(input), 0, 0x40)
            admitted := and(admitted, gt(returndatasize(), 0x3f))
            // A bool must be 0 or 1.
            admitted := and(admitted, eq(mload(0), 1))
            party := mload(0x20)
        }
    }
}
