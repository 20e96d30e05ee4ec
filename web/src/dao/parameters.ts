// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that the DAO may set, and what contracts fixed for good: names, present values in their units, and what they mean. Meanings
// follow docs/round-machine.md, docs/governance.md and the contracts' interfaces.
import { Contract } from 'ethers'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { ether, span, tokens } from '../ui/format.ts'

export type Parameter = {
  /** As the contract has it. */
  readonly name: string
  readonly value: string
  /** From the next epoch on, where it differs. */
  readonly next: string | null
  readonly meaning: string
}

export type Section = { readonly title: string; readonly who: string; readonly parameters: readonly Parameter[] }

type Unit = 'seconds' | 'count' | 'basis points' | 'tokens' | 'ether' | 'address' | 'digest' | 'percent' | 'switch'

const BASIS = 100

/** A value of a contract for people. */
export function valueIn(unit: Unit, value: unknown): string {
  if (unit === 'address' || unit === 'digest') return /^0x0*$/.test(String(value)) ? 'none' : String(value)
  if (unit === 'switch') return value === true ? 'yes' : 'no'
  const number = BigInt(value as bigint)
  if (unit === 'seconds') return span(Number(number))
  if (unit === 'tokens') return `${tokens(number)} COH`
  if (unit === 'ether') return ether(number)
  if (unit === 'percent') return `${number} %`
  if (unit === 'basis points') return `${Number(number) / BASIS} %`
  return number.toLocaleString('en-US')
}

/** Of a service, in the contract's order: unit and meaning. */
export const SERVICE_PARAMETERS: Readonly<Record<string, readonly [Unit, string]>> = {
  registrationWindow: ['seconds', 'how long keepers can take seats before an epoch begins'],
  keyWindow: ['seconds', "for each step of making the epoch's key"],
  trainingWindow: ['seconds', 'to train, and to commit to an encrypted update'],
  revealWindow: ['seconds', 'to publish the update that was committed to'],
  aggregateWindow: [
    'seconds',
    'to add the updates up and attest the sum; the first half for attestations, which are sealed',
  ],
  decryptWindow: ['seconds', 'for the drafted members to decrypt their parts'],
  voteWindow: ['seconds', 'for members to judge the model on their hold-outs, and to vote'],
  minKeepers: ['count', 'the least number of members with which an epoch begins'],
  maxKeepers: ['count', 'seats'],
  decryptionBps: ['basis points', 'of the members; one more than that can decrypt together: the threshold'],
  decryptionsPerEpoch: ['count', 'sums that one key decrypts; then a new epoch begins'],
  maxStrikes: [
    'count',
    'rounds in a row without an update that cost a member its seat; with maxStaleness above 0, only rounds beyond it count',
  ],
  oneEpochSeats: ['switch', 'whether all seats are given up when an epoch ends, so that new members are drawn'],
  buffer: [
    'count',
    'updates with which Training ends without waiting for slower members, but never fewer than an update quorum; 0 if it waits for all members',
  ],
  maxStaleness: [
    'count',
    'with a buffer: versions that an update may be behind, and rounds that a member may miss before silence costs a strike',
  ],
  bond: ['tokens', 'of stake that a seat bonds, and can lose'],
  rewardPerRound: ['tokens', 'for the members of a completed round together, while the pool has them'],
  keyPenalty: ['tokens', "for silence while the epoch's key is made"],
  decryptPenalty: ['tokens', "for a drafted member's silence"],
  fraudPenalty: ['tokens', 'for a conviction by a quorum'],
  strategy: ['address', 'the contract that says how many shares of the reward an update is worth'],
  admission: ['address', 'the contract that says who may take a seat; none for everybody with stake'],
  partySeats: ['count', 'seats that one party may hold, if the admission contract knows parties; 0 for any number'],
  manifest: ['digest', "SHA-256 of the manifest that the members agreed on: the service's page shows it in words"],
}

const VOTING: readonly (readonly [name: string, unit: Unit, meaning: string])[] = [
  ['votingDelay', 'seconds', 'between a proposal and its vote; delegations count until the vote starts'],
  ['votingPeriod', 'seconds', 'for votes'],
  [
    'lateQuorumVoteExtension',
    'seconds',
    'that a vote still lasts at least once the quorum is reached, so that nobody decides unseen',
  ],
  ['proposalThreshold', 'tokens', 'of votes that a proposer needs'],
  ['quorumNumerator', 'percent', 'of the supply that must vote for or abstain'],
]

const KEEPERS: readonly (readonly [name: string, unit: Unit, meaning: string])[] = [
  ['minStake', 'tokens', 'of stake with which a keeper may take a seat'],
  ['unbondingDelay', 'seconds', 'during which unbonding stake can still be slashed'],
  ['jailDelay', 'seconds', 'that a keeper stays in jail before its owner may free it'],
  ['treasury', 'address', 'where slashed stake and withdrawn pools go'],
]

/** Reads them all as of one look. @throws the provider's errors */
export async function readParameters(connection: Connection): Promise<readonly Section[]> {
  const { provider, site } = connection
  const { contracts, services } = site.deployment
  const governor = clients.governor(contracts.CohortGovernor, provider)
  const timelock = new Contract(contracts.TimelockController, contractInterface('TimelockController'), provider)
  const market = clients.proverMarket(contracts.ProverMarket, provider)
  const stories = clients.predictionMarket(contracts.PredictionMarket, provider)
  const guard = clients.guard(contracts.SpendingGuard, provider)
  const fixed = (name: string, unit: Unit, value: unknown, meaning: string): Parameter => ({
    ...{ name, value: valueIn(unit, value), next: null, meaning },
  })
  const [voting, delay, keepers, fixedOnes, ...ofServices] = await Promise.all([
    Promise.all(
      VOTING.map(async ([name, unit, meaning]) =>
        fixed(name, unit, await governor.getFunction(name as never)(), meaning),
      ),
    ),
    timelock.getFunction('getMinDelay')() as Promise<bigint>,
    clients.registry(contracts.KeeperRegistry, provider).settings(),
    Promise.all([
      stories
        .DISPUTE_SECONDS()
        .then((value) =>
          fixed(
            'PredictionMarket.DISPUTE_SECONDS',
            'seconds',
            value,
            'in which a reading that settled a market can be challenged',
          ),
        ),
      stories
        .FALLBACK_SECONDS()
        .then((value) =>
          fixed(
            'PredictionMarket.FALLBACK_SECONDS',
            'seconds',
            value,
            'that a disputed market waits for the DAO at most',
          ),
        ),
      stories
        .CHALLENGE_BPS()
        .then((value) =>
          fixed('PredictionMarket.CHALLENGE_BPS', 'basis points', value, "of a market's pot that a challenger puts up"),
        ),
      market
        .MIN_BOND()
        .then((value) =>
          fixed('ProverMarket.MIN_BOND', 'ether', value, 'that a prover has to reserve for a slot, at least'),
        ),
      market
        .SETTLE_SECONDS()
        .then((value) =>
          fixed('ProverMarket.SETTLE_SECONDS', 'seconds', value, "after a job's deadline to verify its answers"),
        ),
      market
        .UNBONDING_SECONDS()
        .then((value) =>
          fixed('ProverMarket.UNBONDING_SECONDS', 'seconds', value, "until a prover's bond can be withdrawn"),
        ),
      market
        .SILENCE_SLASH_BPS()
        .then((value) =>
          fixed(
            'ProverMarket.SILENCE_SLASH_BPS',
            'basis points',
            value,
            "of the slot's bond for silence; a false proof costs all of it",
          ),
        ),
      guard
        .ANNOUNCEMENT_SECONDS()
        .then((value) =>
          fixed(
            'SpendingGuard.ANNOUNCEMENT_SECONDS',
            'seconds',
            value,
            'for which an announced transaction can be executed',
          ),
        ),
    ]),
    ...services.map(async ({ name, address }): Promise<Section> => {
      const { current, next } = await (await connection.dao).serviceTerms(address)
      const parameters = Object.entries(SERVICE_PARAMETERS).map(([parameter, [unit, meaning]]): Parameter => {
        const [now, later] = [valueIn(unit, current[parameter]), next === null ? null : valueIn(unit, next[parameter])]
        return { name: parameter, value: now, next: later === now ? null : later, meaning }
      })
      return { title: `Service ${name}`, who: 'a passed proposal: `setParameters`, from the next epoch on', parameters }
    }),
  ])
  return [
    {
      title: 'Votes',
      who: 'a passed proposal, at the governor and the timelock',
      parameters: [
        ...voting,
        fixed(
          'getMinDelay',
          'seconds',
          delay,
          'that a passed proposal waits in the timelock, where a guardian may cancel it',
        ),
      ],
    },
    {
      title: 'Keepers',
      who: 'a passed proposal: `setSettings` of the keeper registry',
      parameters: KEEPERS.map(([name, unit, meaning]) =>
        fixed(name, unit, keepers[name as keyof typeof keepers], meaning),
      ),
    },
    ...ofServices,
    { title: 'Fixed for good', who: 'nobody: a successor is a new contract', parameters: fixedOnes },
  ]
}
