// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev What of the cheat codes of Hardhat's Solidity tests is used here.
interface Vm {
    function addr(uint256 key) external pure returns (address);

    function deal(address account, uint256 balance) external;

    function envOr(string calldata name, uint256 otherwise) external view returns (uint256);

    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);

    function prank(address sender) external;

    function readFile(string calldata path) external view returns (string memory);

    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);

    function warp(uint256 timestamp) external;
}

/// @title A long random play of calls, and who plays it
/// @dev The contracts are those of the build, byte by byte: they are read from `artifacts/`, so that a test compiles only
/// itself. A call may be refused, but with an error of a contract: an arithmetic panic or a revert without words fails the play.
abstract contract Play {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant DAY = 1 days;
    uint256 private constant PANIC = 0x4e487b71;

    address[] internal _people;
    /// @dev Calls made by players, and how many of them were taken, all and by name.
    uint256 internal _calls;
    uint256 internal _taken;
    mapping(string name => uint256) internal _done;
    uint256 private _state;
    /// @dev The time. Not the block's, which the optimiser takes for the same all through a function.
    uint256 internal _now;

    error Broken(string what, uint256 seed, uint256 call, uint256 found, uint256 expected);
    error Refused(string name, uint256 seed, uint256 call, bytes reason);

    uint256 internal _seed;

    function _begin(uint256 people) internal {
        _seed = vm.envOr("COHORT_INVARIANT_SEED", 20_261_120);
        _state = _seed;
        _wait(1_800_000_000);
        for (uint256 i = 0; i < people; ++i) _people.push(vm.addr(1000 + i));
    }

    /// @dev How many calls the play makes: 10,000 in CI.
    function _length() internal view returns (uint256) {
        return vm.envOr("COHORT_INVARIANT_CALLS", 10_000);
    }

    function _below(uint256 bound) internal returns (uint256) {
        _state = uint256(keccak256(abi.encode(_state)));
        return (_state >> 64) % bound;
    }

    function _someone() internal returns (address) {
        return _people[_below(_people.length)];
    }

    /// @dev Mostly dust, at times a lot: rounding shows in the small, overflow in the large.
    function _amount() internal returns (uint256) {
        uint256 kind = _below(5);
        return (1 + _below(1000)) * (kind < 3 ? 1 : kind == 3 ? 1e3 : 1e18);
    }

    function _wait(uint256 seconds_) internal {
        _now += seconds_;
        vm.warp(_now);
    }

    /// @dev Deploys a contract of the build.
    function _deploy(string memory path, bytes memory arguments) internal returns (address made) {
        string memory json = vm.readFile(string.concat("artifacts/", path, ".json"));
        bytes memory code = bytes.concat(vm.parseJsonBytes(json, ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        require(made != address(0), path);
    }

    function _try(string memory name, address who, address to, bytes memory data) internal returns (bool) {
        return _try(name, who, to, 0, data);
    }

    /// @dev A call of a player. @return taken Whether it was not refused.
    function _try(
        string memory name,
        address who,
        address to,
        uint256 value,
        bytes memory data
    ) internal returns (bool taken) {
        ++_calls;
        bytes memory reason;
        vm.prank(who);
        (taken, reason) = to.call{value: value}(data);
        if (taken) {
            ++_taken;
            ++_done[name];
        } else if (reason.length < 4 || uint32(bytes4(reason)) == PANIC) {
            revert Refused(name, _seed, _calls, reason);
        }
    }

    function _same(string memory what, uint256 found, uint256 expected) internal view {
        if (found != expected) revert Broken(what, _seed, _calls, found, expected);
    }

    function _atMost(string memory what, uint256 found, uint256 most) internal view {
        if (found > most) revert Broken(what, _seed, _calls, found, most);
    }

    /// @dev The play was not idle.
    function _reached(string memory name, uint256 least) internal view {
        if (_done[name] < least) revert Broken(string.concat("too seldom: ", name), _seed, _calls, _done[name], least);
    }
}

/// @dev Answers as the proof says: true when its first word is 1. Invariants of money must hold whatever is proven.
contract WillingVerifier {
    uint8 public constant SETUP_KIND = 1;
    bytes32 public immutable vkHash;

    constructor(bytes32 hash) {
        vkHash = hash;
    }

    function verifyProof(
        uint256[2] calldata a,
        uint256[2][2] calldata,
        uint256[2] calldata,
        uint256[4] calldata
    ) external pure returns (bool) {
        return a[0] == 1;
    }
}
