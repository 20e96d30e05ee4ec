// SPDX-License-Identifier: MIT
throw new Error('This package is for another platform and is not installed here (package.json, overrides).')
