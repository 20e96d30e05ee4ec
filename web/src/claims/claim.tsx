// SPDX-License-Identifier: GPL-3.0-or-later
// One claim: its terms, the proofs behind it, its challenges, and a challenge of the visitor's own.
import { toBeHex } from 'ethers'
import { useState } from 'preact/hooks'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { readLog } from '../chain/logs.ts'
import { account } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Fact } from '../ui/fact.tsx'
import { Field } from '../ui/field.tsx'
import { ether, time } from '../ui/format.ts'
import { Happened } from '../ui/happened.tsx'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { sendCall } from '../ui/send.ts'
import { Table } from '../ui/table.tsx'
import { type ClaimRow, chosenBy, figureText, openClaim, refutableBy, registryOf, stateText } from './claims.ts'
import { checkClaim } from './proof.ts'

type Shown = { readonly connection: Connection; readonly registry: string; readonly claim: ClaimRow }

export function ClaimPage({
  connection,
  registry,
  id,
}: {
  readonly connection: Connection
  readonly registry: string
  readonly id: bigint
}) {
  const { block } = connection.head.value
  const loaded = useLoaded(() => openClaim(connection, registry, id), [registry, id], block)
  return (
    <>
      <h1>Claim {String(id)}</h1>
      <Show loaded={loaded} what="the claim">
        {(claim) => (
          <>
            <Terms {...{ connection, registry, claim }} />
            <Proofs {...{ connection, registry, claim }} />
            <Challenges {...{ connection, registry, claim }} />
            <h2>What happened</h2>
            <Happened events={claim.told?.happened ?? []} />
          </>
        )}
      </Show>
      <p>
        <a href={link('claims', registry)}>All claims</a>
      </p>
    </>
  )
}

function Terms({ connection, claim }: Shown) {
  const { timestamp } = connection.head.value
  const { service, version, kind, claimant, bond, expiresAt, circuitId, statementId, batch } = claim
  return (
    <dl class="facts">
      <Fact name="Statement">
        {kind}, of batches of {claim.count} samples (<Hex value={statementId} />)
      </Fact>
      <Fact name="Of">
        version {version} of <Hex value={service} />
      </Fact>
      <Fact name="Proven">{figureText(claim, claim.figure)}</Fact>
      <Fact name="Guaranteed">{figureText(claim, claim.guarantee)}</Fact>
      <Fact name="State">{stateText(claim, timestamp)}</Fact>
      <Fact name="Batch">{inert(chosenBy(claim), 80)}</Fact>
      <Fact name="Can be refuted by">{inert(refutableBy(claim), 120)}</Fact>
      <Fact name="Claimant">
        <Hex value={claimant} />
      </Fact>
      <Fact name="Bond">{ether(bond)}</Fact>
      <Fact name="Expires (UTC)">{time(expiresAt)}</Fact>
      <Fact name="Commitment to the batch">
        <Hex value={`0x${batch.toString(16).padStart(64, '0')}`} />
      </Fact>
      <Fact name="Circuit">
        <Hex value={circuitId} />
      </Fact>
    </dl>
  )
}

function Proofs({ connection, registry, claim }: Shown) {
  const [key, setKey] = useState<string | null>(null)
  const check = async (what: 'claim' | 'refutation'): Promise<string> => {
    const { how, commitment } = await checkClaim(connection, registry, claim, what, key)
    return `the proof of the ${what} holds: verified ${how}, of the model with commitment ${toBeHex(commitment, 32)}`
  }
  return (
    <section>
      <h2>Proofs</h2>
      <p>
        The page takes each proof from the transaction that put it on record. With the circuit's verification key, which
        must be the one that the DAO registered, it verifies the proof itself; without one, it asks the verifier on the
        chain.
      </p>
      <Field
        name="Verification key"
        note="verification_key.json of the claim's circuit, or of its opposite, if this copy does not have it."
      >
        {(ids) => (
          <input
            {...ids}
            type="file"
            accept="application/json,.json"
            onChange={async ({ currentTarget }) => setKey((await currentTarget.files?.[0]?.text()) ?? null)}
          />
        )}
      </Field>
      <p>
        <Action run={() => check('claim')}>Verify the claim's proof</Action>{' '}
        {claim.told?.fell != null && <Action run={() => check('refutation')}>Verify the refutation's proof</Action>}
      </p>
    </section>
  )
}

function Challenges({ connection, registry, claim }: Shown) {
  const { timestamp } = connection.head.value
  const challenges = claim.told?.challenges ?? []
  const possible = claim.status === 'standing' && claim.poolId !== null && timestamp < claim.expiresAt
  return (
    <section>
      <h2>Challenges</h2>
      {challenges.length === 0 ? (
        <p>None yet.</p>
      ) : (
        <Table
          label="Challenges"
          rows={challenges}
          keyOf={({ challengeId }) => String(challengeId)}
          columns={[
            ['Challenge', ({ challengeId }) => String(challengeId)],
            ['By', ({ challenger }) => <Hex value={challenger} />],
            ['Batch of the pool', ({ drawn }) => drawn ?? 'not drawn yet'],
            ['Bond', ({ state }) => state],
          ]}
        />
      )}
      {possible && account.value !== null && (
        <p>
          <Action run={() => challenge(connection, registry, claim.claimId)}>
            Challenge it, for {ether(claim.bond / 4n)}
          </Action>{' '}
          You lose this bond unless you prove the contrary on the batch that is drawn, within 7 days. Proving takes the
          weights and the pool's batches.
        </p>
      )}
      {possible && account.value === null && <p>Connect a wallet to challenge it, for {ether(claim.bond / 4n)}.</p>}
    </section>
  )
}

/** Opens a challenge from the visitor's wallet. @returns what to do next */
async function challenge(connection: Connection, registry: string, claimId: number): Promise<string> {
  const abi = contractInterface('ClaimRegistry')
  const value = await registryOf(connection, registry).challengeBond(claimId)
  const receipt = await sendCall(connection, 'challenged', [abi], (signer) =>
    clients.claims(registry, signer).openChallenge(claimId, { value }),
  )
  const opened = receipt.logs
    .map((log) => (log.address === registry ? readLog(abi, { topics: [...log.topics], data: log.data }) : null))
    .find((event) => event?.name === 'ChallengeOpened')
  if (opened == null) throw new Error(`the registry's log has no challenge in ${receipt.hash}`)
  const { challengeId } = opened.args
  return `challenge ${challengeId} is paid; within 256 blocks go on with: cohort claim challenge ${claimId} FOLDER --batches … --resume ${challengeId}`
}
