// SPDX-License-Identifier: GPL-3.0-or-later
// One keeper: where it stands in a service, why it is not a member, and what happened to it.
import { getAddress, isAddress } from 'ethers'
import { clients } from '../../../keepers/chain/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Fact } from '../ui/fact.tsx'
import { time, tokens } from '../ui/format.ts'
import { Happened } from '../ui/happened.tsx'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import type { ServiceName } from './page.tsx'
import { readStanding } from './standing.ts'
import { useStory } from './story.ts'

export function KeeperPage({
  connection,
  service,
  keeper,
}: {
  readonly connection: Connection
  readonly service: ServiceName
  readonly keeper: string
}) {
  if (!isAddress(keeper)) return <p>'{inert(keeper, 80)}' is no address of a keeper's owner.</p>
  return <Keeper connection={connection} service={service} owner={getAddress(keeper)} />
}

function Keeper({
  connection,
  service,
  owner,
}: {
  readonly connection: Connection
  readonly service: ServiceName
  readonly owner: string
}) {
  const { block } = connection.head.value
  const record = useLoaded(() => readKeeper(connection, service.address, owner), [service.address, owner], block)
  const story = useStory(connection, service.address)
  return (
    <>
      <h1>
        Keeper <Hex value={owner} />
      </h1>
      <Show loaded={record} what="the keeper">
        {({ member, why, stake, rewards, bond }) => (
          <>
            <p class={member ? 'done' : 'notice'}>
              {member ? 'It is a member of the running epoch.' : `Why it is not a member: ${why}.`}
            </p>
            <dl class="facts">
              <Fact name="Stake">{tokens(stake)} COH</Fact>
              <Fact name="Bond at this service">{tokens(bond)} COH</Fact>
              <Fact name="Rewards to collect">{tokens(rewards)} COH</Fact>
            </dl>
          </>
        )}
      </Show>
      <h2>What happened</h2>
      <Show loaded={story} what="the history">
        {({ keepers }) => <Happened events={keepers.get(owner) ?? []} none="Nothing, at this service." />}
      </Show>
      <p>
        <a href={link('service', service.address)}>The service</a>
      </p>
    </>
  )
}

type KeeperRecord = {
  readonly member: boolean
  /** The first thing in the way; empty for a member. */
  readonly why: string
  readonly stake: bigint
  readonly bond: bigint
  readonly rewards: bigint
}

async function readKeeper(connection: Connection, service: string, owner: string): Promise<KeeperRecord> {
  const registry = clients.registry(connection.site.deployment.contracts.KeeperRegistry, connection.provider)
  const contract = clients.service(service, connection.provider)
  if (!(await registry.isRegistered(owner))) {
    const why = 'it is not registered: its owner runs `cohort keeper register`'
    return { member: false, why, stake: 0n, bond: 0n, rewards: 0n }
  }
  const [{ stake, jailedUntil }, [bond], rewards, banned, standing] = await Promise.all([
    registry.keeperOf(owner),
    registry.bondOf(service, owner),
    registry.rewardsOf(owner),
    contract.isBanned(owner),
    readStanding(connection, service),
  ])
  const seat = standing.seats.find(({ keeper }) => keeper === owner)
  const reasons: readonly (readonly [boolean, string])[] = [
    [banned, 'the DAO has banned it from the service'],
    [
      jailedUntil > 0n,
      `it is in jail until ${time(Number(jailedUntil))} UTC: then its owner runs \`cohort keeper unjail\``,
    ],
    [seat === undefined, 'it has no seat: `cohort keeper run` takes one when one is free'],
    [standing.state === 'Registration', 'registration is open: it is a member once that closes'],
    [seat?.member === false, 'the epoch began without it: it is a member from the next one on'],
  ]
  const why = reasons.find(([holds]) => holds)?.[1] ?? ''
  return { member: why === '', why, stake, bond, rewards }
}
