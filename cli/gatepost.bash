# bash completion for gatepost(1): the command itself says what can stand next.
_gatepost() {
	local cur=${COMP_WORDS[COMP_CWORD]} word words=()
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-c | --config) ((i++)) ;;
		--self-test) words+=(self-test) ;;
		-*) ;;
		*) words+=("$word") ;;
		esac
	done
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(gatepost --complete "${words[@]}" 2>/dev/null | grep '^-') --help" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$(gatepost --complete "${words[@]}" 2>/dev/null | grep -v '^-')" -- "$cur")
		[ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default
	fi
}
complete -F _gatepost gatepost
