// SPDX-License-Identifier: GPL-3.0-or-later
import { AbiCoder, keccak256 } from 'ethers'
import { cidHex } from '../../network/index.ts'
import type { KeyIntent, UpdateIntent } from './intents.ts'

type Where = { readonly chainId: bigint; readonly serviceAddress: string }

const coder = AbiCoder.defaultAbiCoder()

/** As `LearningService.keyCommitment`: bound to chain, service, epoch and seat, so that nobody can copy it. */
export function keyCommitment(where: Where, epoch: number, seat: number, intent: KeyIntent): string {
  return keccak256(
    coder.encode(
      ['uint256', 'address', 'uint32', 'uint8', 'bytes32', 'bytes32'],
      [where.chainId, where.serviceAddress, epoch, seat, keccak256(cidHex(intent.cid)), intent.salt],
    ),
  )
}

/** As `LearningService.updateCommitment`. */
export function updateCommitment(where: Where, round: number, seat: number, intent: UpdateIntent): string {
  const { cid, size, samples, salt } = intent
  return keccak256(
    coder.encode(
      ['uint256', 'address', 'uint32', 'uint8', 'bytes32', 'uint64', 'uint40', 'bytes32'],
      [where.chainId, where.serviceAddress, round, seat, keccak256(cidHex(cid)), size, samples, salt],
    ),
  )
}
