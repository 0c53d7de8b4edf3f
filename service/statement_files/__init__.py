"""Bank statement files (银行对账单文件) read into one canonical form: no database, no HTTP."""
