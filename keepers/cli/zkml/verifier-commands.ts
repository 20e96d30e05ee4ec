// SPDX-License-Identifier: GPL-3.0-or-later
// export-verifier, encode-calldata.
import { stat } from 'node:fs/promises'
import {
  encodeBatchCalldata,
  encodeVerifyCalldata,
  exportVerifier,
  folderPaths,
  openFolder,
  parseVerificationKey,
  readFolderKey,
  type VerificationKey,
} from '../../zkml/index.ts'
import { readProofFile } from './proof-file.ts'
import { readJson } from './samples.ts'
import { emit, usage, withTerminal } from './terminal.ts'

type ProofOptions = { readonly public?: string; readonly json?: boolean }

export async function encodeCalldataCommand(
  proofs: readonly string[],
  options: ProofOptions & { readonly batch?: boolean },
): Promise<void> {
  if (options.public !== undefined && proofs.length > 1) throw usage('--public goes with one proof')
  await withTerminal(options, async (terminal) => {
    const read = await Promise.all(proofs.map((file) => readProofFile(file, options.public)))
    const single = read.length === 1 && options.batch !== true
    const calldata = single ? encodeVerifyCalldata(read[0]!.proof, read[0]!.publicSignals) : encodeBatchCalldata(read)
    const call = single ? 'verifyProof' : 'verifyBatch'
    terminal.result({ call, calldata, bytes: calldata.length / 2 - 1 }, calldata)
  })
}

export async function exportVerifierCommand(
  folder: string,
  options: { readonly name: string; readonly out?: string },
): Promise<void> {
  const opened = await openFolder(folder)
  const { key, local, metadata } = await readFolderKey(opened)
  const { circuitId } = opened.manifest
  const source = exportVerifier(key, {
    name: options.name,
    // The mark inside the key counts, whatever its metadata says.
    setupKind: local ? 'local' : metadata.setup,
    subject: `circuit ${circuitId}`,
  })
  await emit(source, options.out)
}

/** Of a folder, or of the file itself. */
export async function readVerificationKey(path: string): Promise<VerificationKey> {
  const folder = (await stat(path)).isDirectory()
  return parseVerificationKey(await readJson(folder ? folderPaths(path).verificationKey : path))
}
