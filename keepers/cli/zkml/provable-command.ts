// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort zkml provable`: checks whether every version of a service's model can be proven, and shows what that takes.
import { anyVersion, outputNamed, SERVICE_CIRCUIT } from '../../services/index.ts'
import { formatProgramTable, programTable } from '../../zkml/index.ts'
import { manifestOf } from '../manifest-option.ts'
import { withTerminal } from './terminal.ts'

/** @param text a manifest's file, or the name of an example @throws VersionError BAD_MANIFEST when it cannot be proven */
export async function provableCommand(
  text: string,
  options: { readonly output?: string; readonly json?: boolean },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const manifest = await manifestOf(text, 'manifest')
    const output = options.output === undefined ? undefined : outputNamed(manifest, options.output)
    const program = await anyVersion(manifest, output)
    terminal.result(programTable(program, SERVICE_CIRCUIT), formatProgramTable(program, SERVICE_CIRCUIT))
  })
}
