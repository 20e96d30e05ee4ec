// SPDX-License-Identifier: GPL-3.0-or-later
// A service reduced to its versions, for tests that need a history and no rounds.

import type { HardhatEthers } from '@nomicfoundation/hardhat-ethers/types'
import type { BigNumberish, BytesLike, ContractTransactionResponse } from 'ethers'
import { compile } from '../../../scripts/solc.ts'

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

contract Versions {
    struct Origin {
        uint64 epoch;
        uint64 round;
        uint48 acceptedAt;
        uint16 votes;
        bytes32 weightsCommitment;
    }

    // Not slot 0: the contract may stand where another has written there.
    struct Store {
        Origin[] all;
    }

    function _store() private pure returns (Store storage store) {
        assembly { store.slot := 0x76657273696f6e73000000000000000000000000000000000000000000000000 }
    }

    function publish(uint64 epoch, uint64 round, bytes32 commitment, uint16 votes) external {
        _store().all.push(Origin(epoch, round, uint48(block.timestamp), votes, commitment));
    }

    function versionCount() external view returns (uint64) {
        return uint64(_store().all.length);
    }

    function versionAt(uint64 version) external view returns (Origin memory origin) {
        if (version > 0 && version <= _store().all.length) origin = _store().all[version - 1];
    }
}`

export type VersionWriter = {
  readonly address: string
  /** Adds a version. @param voters Bitmap of the members that voted for it. */
  publish(
    epoch: BigNumberish,
    round: BigNumberish,
    commitment: string,
    cid: BytesLike,
    voters: BigNumberish,
  ): Promise<ContractTransactionResponse>
}

let compiled: ReturnType<typeof compile> | undefined

/** Deploys one; or puts its code in the place of the contract at `address`. */
export async function deployVersions(ethers: HardhatEthers, address?: string): Promise<VersionWriter> {
  compiled ??= compile(SOURCE)
  const { abi, bytecode } = compiled.Versions!
  const [signer] = await ethers.getSigners()
  const deployed = await new ethers.ContractFactory(abi as never[], bytecode, signer).deploy()
  const own = await deployed.getAddress()
  if (address !== undefined) {
    await ethers.provider.send('hardhat_setCode', [address, await ethers.provider.getCode(own)])
  }
  const contract = new ethers.Contract(address ?? own, abi as never[], signer)
  const write = contract.getFunction('publish')
  return {
    address: address ?? own,
    publish: async (epoch, round, commitment, _cid, voters) => {
      const votes = BigInt(voters).toString(2).replaceAll('0', '').length
      return (await write(epoch, round, commitment, votes)) as ContractTransactionResponse
    },
  }
}
