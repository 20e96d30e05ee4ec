// SPDX-License-Identifier: GPL-3.0-or-later
// What the log has on a penalty: who accused whom, of what, and who convicted.
import { dataLength, type Interface } from 'ethers'
import { contractInterface, hasSeat } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'
import type { Happening } from '../ui/happening.ts'
import type { Penalty } from './events.ts'
import { countSeats } from './seats.ts'

/**
 * Events of the penalty's epoch, up to it, that are about its seat.
 * @param logs of the service, in the order of the chain
 */
export function evidenceFor(
  { epoch, seat, block }: Pick<Penalty, 'epoch' | 'seat' | 'block'>,
  logs: readonly StoredLog[],
  abi: Interface = contractInterface('ILearningService'),
): readonly Happening[] {
  const found: Happening[] = []
  let running = 0
  for (const log of logs) {
    if (log.block > block) break
    const event = readLog(abi, log)
    if (event === null) continue
    const { name, args } = event
    const say = (text: string): void =>
      void found.push({ block: log.block, text, transactionHash: log.transactionHash })
    if (name === 'EpochOpened') running = Number(args.epoch)
    // Key events name the epoch that is being opened, which the log announces at its end.
    const ofEpoch = args.epoch === undefined ? running === epoch : Number(args.epoch) === epoch
    if (!ofEpoch) continue
    const [by, accused] = [Number(args.seat), Number(args.accused)]
    if (name === 'KeyComplaint' && accused === seat) {
      say(`seat ${by} complained about its part of the key, with ${dataLength(args.evidence)} bytes of evidence`)
    } else if (name === 'KeyComplaint' && by === seat) {
      say(`it complained about seat ${accused}, with ${dataLength(args.evidence)} bytes of evidence`)
    } else if (name === 'KeyJudged' && hasSeat(args.convicted, seat))
      say(`seat ${by} judged the complaints and convicts it`)
    else if (name === 'UpdateDisputed' && accused === seat) {
      say(`round ${args.round}: seat ${by} said that its update fails its check`)
    } else if (name === 'UpdateDisputed' && by === seat) {
      say(`round ${args.round}: it said that the update of seat ${accused} fails its check`)
    } else if (name === 'CheckSubmitted' && by === seat) say(`round ${args.round}: it posted its scalars for the check`)
    else if (name === 'MembersDrafted' && hasSeat(args.convicted, seat)) {
      say(`round ${args.round}: the seals of ${countSeats(args.attesters)} members convict it`)
    } else if (name === 'MembersDrafted' && hasSeat(args.drafted, seat)) {
      say(`round ${args.round}: it was drafted to decrypt`)
    } else if (name === 'ShareSubmitted' && by === seat) say(`round ${args.round}: it decrypted its part`)
    else if (name === 'KeyCommitted' && by === seat) say('it committed to its part of the key')
    else if (name === 'KeyRevealed' && by === seat) say('it revealed its part of the key')
    else if (name === 'KeyConfirmed' && by === seat) say('it confirmed the key')
  }
  return found
}
