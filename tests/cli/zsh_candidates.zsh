#!/usr/bin/env zsh
# Prints what zsh offers for a command line, one candidate per line.
#
#   zsh -f tests/cli/zsh_candidates.zsh FOLDER LINE      FOLDER contains _mnist
#
# The completion runs in a second zsh on a terminal of its own, in which `compadd` also prints what it adds. Exit code 1
# if that zsh does not answer.
zmodload zsh/zpty || exit 1

inner='
PS1=
fpath=('${(q)1}' $fpath)
autoload -Uz compinit
compinit -D -u
zstyle ":completion:*" completer _complete
compadd() {
  # With -O, -A or -D it fills arrays and adds nothing.
  if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
    local -a hits
    local hit
    builtin compadd -A hits "$@"
    for hit in $hits; do print -r -- "hit:$hit"; done
  fi
  builtin compadd "$@"
}
show() {
  print
  _main_complete
  print -r -- "end:"
  compstate[insert]=
  compstate[list]=
}
zle -C show complete-word show
bindkey "^I" show
stty -echo
print -r -- "ready:"
'
script=$(mktemp) || exit 1
print -r -- "$inner" >$script
zpty shell zsh -f -i
zpty -w shell "source ${(q)script}"
zpty -r -m shell text $'*ready:\r\n*' || exit 1
rm $script
zpty -w -n shell "$2"$'\t'
zpty -r -m shell text '*end:*' || exit 1
for line in ${(f)${text//$'\r'/}}; do
  [[ $line == hit:* ]] && print -r -- ${line#hit:}
done
zpty -d shell
exit 0
