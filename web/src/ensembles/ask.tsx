// SPDX-License-Identifier: GPL-3.0-or-later
// Ask an ensemble: about an input that the visitor gives here and keeps, or about a commitment that somebody else made.
import { useState } from 'preact/hooks'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import type { HubModel } from '../model/hub-models.ts'
import { InputForm } from '../model/input-form.tsx'
import { manifestOf, openVersion } from '../model/versions.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { ether, weiOf } from '../ui/format.ts'
import { send } from '../ui/send.ts'
import { openEnsemble, owedTo } from './ensembles.ts'
import { keepInput } from './known-inputs.ts'
import { provableModels } from './member-proof.ts'

/** Seconds that a question from this page stays open. */
const ASK_SECONDS = 3_600
const ABIS = ['EnsembleOracle', 'InferenceHub', 'VerifierRegistry'] as const

export function AskEnsemble({ connection, id }: { readonly connection: Connection; readonly id: bigint }) {
  const { timestamp } = connection.head.value
  const [commitment, setCommitment] = useState('')
  const [reward, setReward] = useState('0.01')
  const [wanted, setWanted] = useState(false)
  const ask = async (about: string): Promise<string> => {
    if (!/^0x[0-9a-fA-F]{64}$/.test(about)) throw new Error('the input commitment takes 0x and 64 hexadecimal digits')
    const { EnsembleOracle } = connection.site.deployment.contracts
    return await send(connection, 'asked', ABIS.map(contractInterface), async (signer) =>
      clients.ensembles(EnsembleOracle, signer).ask(id, about, timestamp + ASK_SECONDS, { value: weiOf(reward) }),
    )
  }
  return (
    <section aria-label="Ask it">
      <h2>Ask it</h2>
      <p>
        The oracle takes a commitment to an input, not the input. Make one from an input here, and prove the members'
        answers from this tab. Or enter one that `cohort zkml` prints, and give its input and salt to the provers.
      </p>
      <p>
        <label>
          Reward in ether{' '}
          <input
            inputMode="decimal"
            size={8}
            value={reward}
            onInput={(event) => setReward(event.currentTarget.value)}
          />
        </label>
      </p>
      {wanted ? (
        <OwnInput connection={connection} id={id} ask={ask} />
      ) : (
        <p>
          <button type="button" onClick={() => setWanted(true)}>
            Give an input here
          </button>
        </p>
      )}
      <p>
        <label>
          Input commitment{' '}
          <input
            size={24}
            value={commitment}
            spellcheck={false}
            onInput={(event) => setCommitment(event.currentTarget.value.trim())}
          />
        </label>{' '}
        <Action run={async () => await ask(commitment)}>Ask, for an hour</Action>
      </p>
    </section>
  )
}

/** The form of the first member's model; every member is asked about the same numbers. */
function OwnInput({
  connection,
  id,
  ask,
}: {
  readonly connection: Connection
  readonly id: bigint
  readonly ask: (commitment: string) => Promise<string>
}) {
  const [input, setInput] = useState<readonly number[] | null>(null)
  const opened = useLoaded(async () => {
    const [{ ensemble }, models] = await Promise.all([openEnsemble(connection, id), provableModels(connection)])
    const asked = ensemble.members.find((one) => one.decoding !== 'ensemble' && models.has(one.id))
    const model = asked === undefined ? null : models.get(asked.id)!
    return model === null ? null : { model, manifest: await manifestOf(connection, model.service) }
  }, [id])
  const commit = async ({ service, version }: HubModel): Promise<string> => {
    const model = await openVersion(connection, service, version!)
    const { inputCommitment, salt } = await model.commit(input!)
    keepInput(inputCommitment, { input: [...input!], salt })
    return await ask(inputCommitment)
  }
  return (
    <Show loaded={opened} what="what its members take">
      {(found) =>
        found === null ? (
          <p>
            This page can take an input only for a member with a model of this deployment's services and a circuit in
            this copy: there is none.
          </p>
        ) : (
          <>
            <InputForm input={found.manifest.input} onChange={setInput} />
            <p>
              <Action run={async () => await commit(found.model)} disabled={input === null}>
                Commit to it and ask, for an hour
              </Action>
            </p>
          </>
        )
      }
    </Show>
  )
}

/** What the oracle owes an account. */
export function Owed({ connection, address }: { readonly connection: Connection; readonly address: string }) {
  const { block } = connection.head.value
  const owed = useLoaded(() => owedTo(connection, address), [address], block)
  const { EnsembleOracle } = connection.site.deployment.contracts
  return (
    <Show loaded={owed} what="what you are owed">
      {(amount) =>
        amount > 0n && (
          <p>
            The oracle owes you {ether(amount)}.{' '}
            <Action
              run={async () =>
                await send(connection, 'withdrawn', ABIS.map(contractInterface), async (signer) =>
                  clients.ensembles(EnsembleOracle, signer).withdraw(address, address),
                )
              }
            >
              Withdraw it
            </Action>
          </p>
        )
      }
    </Show>
  )
}
