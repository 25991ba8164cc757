# shellcheck shell=bash disable=SC1090,SC1091 # every machine has its own
# What bash reads in a login of podkeep (a copy lies beside the login): what any login reads, then the job's environment,
# which /etc/profile would have taken away again.
podkeep_login=${BASH_SOURCE[0]%/*}
if [ -r /etc/profile ]; then . /etc/profile; fi
for podkeep_profile in ~/.bash_profile ~/.bash_login ~/.profile; do
  if [ -r "$podkeep_profile" ]; then
    . "$podkeep_profile"
    break
  fi
done
if [ -r ~/.bashrc ] && [ ! -r "$podkeep_profile" ]; then . ~/.bashrc; fi
if [ -r "$podkeep_login/environment" ]; then . "$podkeep_login/environment"; fi
unset podkeep_login podkeep_profile
