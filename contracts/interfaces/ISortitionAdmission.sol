// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceTypes} from "./ILearningServiceTypes.sol";
import {IAdmission} from "./IAdmission.sol";

/// @title Draws the members of each epoch among many candidates
/// @notice Candidates put up a bond before a seed decides which of them may take a seat. docs/adr/0011-sortition.md has the argument.
interface ISortitionAdmission is IAdmission {
    error TermOutOfRange(bytes32 field, uint256 found, uint256 min, uint256 max);
    error NotKeeper(address caller, address keeper);
    error AlreadyEnlisted(address keeper);
    error NotEnlisted(address keeper);
    /// @notice There is no other draw, and its members remain candidates, while they may still take seats.
    error DrawLive(uint32 number);
    /// @notice All seats are taken, or reserved.
    error NoFreeSeats(uint256 max);
    /// @notice The service is not registering members.
    error NotRegistering(ILearningServiceTypes.State found);
    error TooFewCandidates(uint256 found, uint256 min);
    /// @notice No draw waits for its seed.
    error NothingToSettle(uint32 number);
    error SeedTooEarly(uint256 found, uint48 seedBlock);
    /// @notice The drawn would not have `patience` seconds before registration closes. It opens again when too few are seated.
    error SettledTooLate(uint256 timestamp, uint256 until);
    /// @notice Those whom the draw reaches have this long to come; or it reaches all already.
    error NothingToExtend(uint32 number, uint256 until);
    /// @notice Absence is reported from the close of registration on, during the epoch whose members the draw chose, as long as key generation
    /// does not begin again; and not of the banned, or when the service's parameters have changed since the draw was opened.
    error NotReportable(uint32 number, ILearningServiceTypes.State found, uint32 epoch);
    error NotDrawn(uint32 number, address keeper);
    error NotAbsent(address keeper);

    /// @param bond Stake that a candidate puts up here, in wei of the stake token; ≥ 1. What one identity more in the draw costs.
    /// @param absencePenalty Taken from the bond of a candidate that was drawn and did not come; ≤ bond.
    /// @param minCandidates Fewest candidates of a draw; ≥ 2.
    /// @param patience Seconds for which the drawn have the seats to themselves; ≥ 1. After each further such time as many more may
    /// come as there are seats left, in the order of the draw.
    /// @param delay Blocks between a draw's opening and its seed, 1 … 128.
    struct Terms {
        uint96 bond;
        uint96 absencePenalty;
        uint32 minCandidates;
        uint32 patience;
        uint16 delay;
    }

    /// @notice The last draw.
    /// @param number From 1; 0: there was none. @param epoch Of the service when it was opened: the epoch before its own.
    /// @param round Of the service when it was opened. The draw is live until the service begins another one.
    /// @param candidates That take part. @param size Seats. @param seedBlock The seed comes from a block after this one.
    /// @param reach Ranks below this one may take seats; 0 before the seed is fixed.
    /// @param since Unix seconds at which the seed was fixed, or the draw last extended; 0 before.
    struct Draw {
        uint32 number;
        uint32 epoch;
        uint32 round;
        uint32 candidates;
        uint16 size;
        uint16 reach;
        uint48 seedBlock;
        uint40 since;
        bytes32 seed;
    }

    /// @notice The facts that a candidate reads in each block, in one answer.
    /// @param rank In the last draw, from 0; type(uint256).max: not among the first MAX_RANK.
    /// @param position Among the candidates, from 0; with `enlisted` alone. @param mayJoin Whether it may take a seat now.
    /// @param canOpen Whether `openDraw` would succeed. @param canSettle Whether `settleDraw` would. @param canExtend Whether
    /// `extendDraw` would. @param live Whether the draw is.
    struct Look {
        bool enlisted;
        bool canOpen;
        bool canSettle;
        bool canExtend;
        bool live;
        bool mayJoin;
        uint256 rank;
        uint256 position;
        uint256 candidates;
        Draw draw;
    }

    event Enlisted(address indexed keeper, uint256 position);
    event Delisted(address indexed keeper);
    event DrawOpened(uint32 indexed number, uint32 candidates, uint16 size, uint48 seedBlock);
    event DrawSettled(uint32 indexed number, bytes32 seed);
    /// @param reach Ranks below this one may come now.
    event DrawExtended(uint32 indexed number, uint16 reach);
    event Absent(uint32 indexed number, address indexed keeper, uint256 taken);

    /// @notice The keeper or its operator. Makes the keeper a candidate in the draws that are opened from now on. Its owner must have
    /// opted in to this contract at the registry.
    function enlist(address keeper) external;

    /// @notice The keeper or its operator, unless a live draw has drawn it, or may when it is settled. Its bond stays slashable for an unbonding delay.
    function delist(address keeper) external;

    /// @notice Anyone, while the service registers members, which it records first if it is due. Fixes who takes part. Refused where the
    /// registration window is shorter than `patience`.
    function openDraw() external;

    /// @notice Anyone, in a block after `seedBlock`. Fixes the seed.
    function settleDraw() external;

    /// @notice Anyone, when `patience` seconds are over and seats are left: the next ranks may come, as many as there are seats left. So
    /// nobody gets a seat by being faster than others.
    function extendDraw() external;

    /// @notice Anyone, from the close of registration to the end of the epoch: the candidate was drawn and has no seat. It pays, and is no candidate any more.
    function reportAbsence(address keeper) external;

    /// @notice See Look.
    function look(address keeper) external view returns (Look memory);

    /// @notice The candidates of the ranks below `count`, in the order of the last draw, whoever has left since; computed in count² steps. 0
    /// where one is a candidate no more.
    function drawn(uint256 count) external view returns (address[] memory);

    function lastDraw() external view returns (Draw memory);

    function terms() external view returns (Terms memory);

    function candidateCount() external view returns (uint256);

    /// @notice Positions change when somebody leaves.
    function candidateAt(uint256 position) external view returns (address);
}
