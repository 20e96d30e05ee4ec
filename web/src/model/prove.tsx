// SPDX-License-Identifier: GPL-3.0-or-later
// Prove an answer in the page, and have the verifier on the chain check it.
import { useState } from 'preact/hooks'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { percent } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import type { HubModel } from './hub-models.ts'
import { outputText } from './output.ts'
import { type BoundProof, checkOnChain, loadCircuit, proveFor, recordOnChain } from './proof.ts'
import type { Opened } from './versions.ts'

export function Prove({
  connection,
  hubModel,
  opened,
  input,
}: {
  readonly connection: Connection
  readonly hubModel: HubModel
  readonly opened: Opened
  readonly input: readonly number[] | null
}) {
  const [proof, setProof] = useState<{ readonly made: BoundProof; readonly of: readonly number[] } | null>(null)
  const [progress, setProgress] = useState('')
  const [stop, setStop] = useState<AbortController | null>(null)
  const caller = account.value?.address ?? null
  const prove = async (): Promise<string> => {
    const asked = input!
    const stopping = new AbortController()
    setStop(stopping)
    try {
      const onProgress = (loaded: number, total: number | null): void =>
        setProgress(total === null ? `${megabytes(loaded)} MB of the key` : `key: ${percent(loaded / total)}`)
      await loadCircuit(opened.model, hubModel, onProgress, stopping.signal)
      setProgress('proving')
      const made = await proveFor(connection, hubModel, opened.model, asked, caller!)
      setProgress('asking the verifier on the chain')
      await checkOnChain(connection, hubModel, made)
      setProof({ made, of: asked })
      return `proven in ${made.seconds.toFixed(2)} s, verified here and by the verifier on the chain`
    } finally {
      setProgress('')
      setStop(null)
    }
  }
  const current = proof !== null && proof.of === input ? proof.made : null
  return (
    <section aria-label="Proof">
      <h2>Prove</h2>
      {caller === null && <p>Connect a wallet: a proof is bound to the account that may hand it in.</p>}
      {hubModel.circuit === null && <p>This copy of the console has no files of the circuit: ask a keeper instead.</p>}
      <p>
        <Action run={prove} disabled={input === null || caller === null || hubModel.circuit === null}>
          Prove here
        </Action>{' '}
        {stop !== null && (
          <button type="button" onClick={() => stop.abort(new Error('cancelled'))}>
            Cancel
          </button>
        )}{' '}
        <span role="status">{progress}</span>
      </p>
      {current !== null && (
        <>
          <p>
            <Action run={async () => `recorded on the chain: ${await recordOnChain(connection, hubModel, current)}`}>
              Record on the chain
            </Action>
          </p>
          <table>
            <thead>
              <tr>
                <th scope="col">Stayed in this browser</th>
                <th scope="col">The chain sees</th>
              </tr>
            </thead>
            <tbody>
              <tr>
                <td>your input, {input!.length} values</td>
                <td>
                  a salted commitment to it: <Hex value={`0x${current.publicSignals[1]!.toString(16)}`} />
                </td>
              </tr>
              <tr>
                <td>every number inside the network</td>
                <td>
                  the answer: <Inert text={outputText(opened.manifest, current.publicSignals[2]!, hubModel.scale)} />
                </td>
              </tr>
              <tr>
                <td>the salt</td>
                <td>
                  the weights' commitment: <Hex value={`0x${current.publicSignals[0]!.toString(16)}`} />
                </td>
              </tr>
            </tbody>
          </table>
        </>
      )}
      <Explain>
        <p>
          The proof says: somebody knows an input with this commitment, for which the weights with that commitment give
          this answer. It is a Groth16 proof, and names the account, the model, its version and a deadline, so that
          nobody else can use it. It does not say that the answer is right, only that it is the model's.
        </p>
        <p>The weights are public, as is every accepted version. Only a commitment to your input leaves this page.</p>
      </Explain>
    </section>
  )
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
