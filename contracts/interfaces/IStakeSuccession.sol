// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Lets stake follow to a registry's successor
/// @notice The DAO names the successor; each owner decides for its own keeper. The stake moves directly from one registry to the
/// other, under the same owner and never through the owner's hands. In the successor it is locked like any stake.
///
/// Stake that may still be slashed stays here. A bond stays until the service lets the keeper go. After that, nothing moves
/// while the tail of any bond is open (even if the unbonding delay has changed since), because a service that the keeper has
/// left may slash any of its stake. Unbonding stake goes to the owner as usual. Jailed keepers must serve their time first.
interface IStakeSuccession {
    /// @notice The DAO has named no successor.
    error NoStakeSuccessor();
    /// @notice The DAO has named a different successor from the one that the owner agreed to.
    error AnotherSuccessor(address found, address expected);
    /// @notice A service that the keeper has left may still slash it, until `until`.
    error StillSlashable(address owner, uint64 until, uint256 nowTime);
    /// @notice The address has no code, is this registry, or holds stake in another token.
    error StakeSuccessorInvalid(address successor);
    /// @notice The successor took a different amount, or did not credit it to the owner's keeper.
    error StakeNotReceived(address successor, address owner, uint256 amount);

    event StakeSuccessorNamed(address indexed previous, address indexed successor);
    event StakeMoved(address indexed owner, address indexed successor, uint256 amount);

    /// @notice Names the successor. Admin only. Zero takes the name back. Stake that has already moved is not affected.
    function nameStakeSuccessor(address successor) external;

    /// @notice The caller, an owner, moves `amount` of its free stake to its keeper in the successor, where the keeper must be
    /// registered.
    /// @param successor The registry that the DAO has named. The owner consents to this registry only, whatever is named when
    /// the call is mined.
    function followSuccessor(address successor, uint256 amount) external;

    /// @notice The named successor; zero if there is none.
    function stakeSuccessor() external view returns (address);

    /// @notice The stake that `followSuccessor` would move now; 0 while a tail is open or the keeper is jailed.
    function movableStake(address owner) external view returns (uint256);
}
