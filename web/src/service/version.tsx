// SPDX-License-Identifier: GPL-3.0-or-later
// One version: its record on the chain, the votes for it, and what its weights differ in from those in force.
import { cidFromHex } from '../../../keepers/network/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { openVersion } from '../model/versions.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { time } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import type { ServiceName } from './page.tsx'
import { useStory } from './story.ts'
import { Difference, Proofs, Votes } from './version-parts.tsx'

export function VersionPage({
  connection,
  service,
  version,
}: {
  readonly connection: Connection
  readonly service: ServiceName
  readonly version: number
}) {
  const { block } = connection.head.value
  const status = useLoaded(
    async () => await (await connection.dao).serviceStatus(service.address),
    [service.address],
    block,
  )
  const story = useStory(connection, service.address)
  const round = story.value?.rounds.find((one) => one.version === version)
  return (
    <>
      <h1>
        Version {version} of <Inert text={service.name} />
      </h1>
      <Show loaded={status} what="the model registry">
        {({ versions, current }) => {
          const record = versions[version - 1]
          if (record === undefined)
            return (
              <p>
                There is no version {version}: there are {versions.length}.
              </p>
            )
          return (
            <dl class="facts">
              <Fact name="Status">
                {record.status}
                {current === version && ', in force'}
              </Fact>
              <Fact name="Epoch, round">
                {record.epoch}, {record.round}
              </Fact>
              <Fact name="Members that voted for it">{record.votes}</Fact>
              {record.updatedAt > 0 && <Fact name="Since (UTC)">{time(record.updatedAt)}</Fact>}
              <Fact name="Commitment">
                <Hex value={record.weightsCommitment} />
              </Fact>
              {round?.cid && (
                <Fact name="CID">
                  <code>{cidText(round.cid)}</code>
                </Fact>
              )}
            </dl>
          )
        }}
      </Show>
      <p>
        <Action
          run={async () => {
            await openVersion(connection, service.address, version)
            return 'the file at this CID gives exactly the commitment on the chain'
          }}
        >
          Fetch the weights and check them
        </Action>
      </p>
      <Show loaded={status} what="the version in force">
        {({ versions, current }) =>
          versions[version - 1] !== undefined && (
            <Difference
              connection={connection}
              service={service.address}
              version={version}
              other={current === null || current === version ? version - 1 : current}
              inForce={current !== null && current !== version}
            />
          )
        }
      </Show>
      {round !== undefined && <Votes connection={connection} service={service.address} round={round} />}
      <Proofs connection={connection} service={service.address} version={version} />
      <p>
        <a href={link('service', service.address)}>All rounds</a>
      </p>
      <Explain>
        <p>
          A quorum of members computed the same commitment and voted for it. Anybody with the file can recompute the
          commitment, as this page does. No proof says whether the model is good: the members judge that on their own
          held-out samples.
        </p>
      </Explain>
    </>
  )
}

/** A stranger's service may put any bytes where a CID belongs. */
function cidText(hex: string): string {
  try {
    return cidFromHex(hex)
  } catch {
    return 'these bytes are no CID'
  }
}
