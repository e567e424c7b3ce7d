package inventory

// iniCases are INI inventories as people write them.
func iniCases() []oracleCase {
	ini := func(name, text string) oracleCase {
		return oracleCase{name: "ini " + name, files: map[string]string{"hosts": text}}
	}
	return []oracleCase{
		ini("empty", ""),
		ini("only comments", "# nothing\n; at all\n\n"),
		ini("one host", "localhost"),
		ini("empty groups", "[a]\n[b]\n[c:children]\na\nb\n"),
		ini("ranges", "[w]\nweb[01:12].example.com\ndb-[a:f].example.com\nx[0:20:5]y[1:2]\nt[001:003]-[a:c]\n"),
		ini("ranges with ports and variables", "[w]\nweb[1:3]:2222 a=1 b=\"x y\"\n[2001:db8::5]:22 c=1\n10.0.0.[1:3] d=1\n"),
		ini("windows farm", "[gateway]\ngw01 ansible_host=10.1.0.11\ngw02 ansible_host=10.1.0.12\n\n[rdsh]\nrds[01:04]\n\n[windows:children]\ngateway\nrdsh\n\n[windows:vars]\nansible_connection=winrm\nansible_port=5986\nansible_user=CORP\\svc_ansible\nansible_password=P@ss#w0rd!\nansible_winrm_transport=ntlm\nansible_winrm_server_cert_validation=ignore\n"),
		ini("bastion", "[app]\nweb1 ansible_host=10.0.0.1\n[app:vars]\nansible_ssh_common_args='-o ProxyCommand=\"ssh -W %h:%p -q bastion@1.2.3.4\"'\nansible_ssh_private_key_file=~/.ssh/id_ed25519\nansible_become=yes\nansible_python_interpreter=/usr/bin/python3\n"),
		ini("terraform heredoc", "\n\n    [web]\n    w1 ansible_host=1.2.3.4\n\n    [web:vars]\n    a=b\n\n"),
		ini("variable types in vars", "[w]\nh\n[w:vars]\na=yes\nb=True\nc=1.5\nd=[]\ne={}\nf=()\ng=''\nh=\"\"\ni=None\nj=0\nk=-1\nl=1e5\nm=0x10\nn=1,\no='a' 'b'\np=('x')\nq=true\nr=!\ns=a b c\nt=  x  \nu=a;b\nv=a # b\n"),
		ini("host line quoting", "h1 a='x y' b=\"x y\" c=x\\ y d='it\"s' e=\"it's\" f=''  g=\"\\\"q\\\"\"\nh2 a=\"{'k': 'v'}\" b='[1, 2]' c=a=b=c d=\"1\" e='\"1\"'\nh3 a=1 # comment b=2\n"),
		ini("host twice with variables", "[a]\nh x=1 y=1\n[b]\nh x=2\n[a:vars]\nx=9\nz=a\n[b:vars]\nz=b\n"),
		ini("three levels", "[c]\nh1\n[b:children]\nc\n[a:children]\nb\n[a:vars]\nv=a\nw=a\nx=a\n[b:vars]\nv=b\nw=b\n[c:vars]\nv=c\n"),
		ini("diamond", "[d]\nh\n[b:children]\nd\n[c:children]\nd\n[a:children]\nb\nc\n[b:vars]\nv=b\n[c:vars]\nv=c\n[a:vars]\nv=a\nw=a\n"),
		ini("uneven depth", "[x]\nh\n[y:children]\nx\n[z]\nh\n[x:vars]\nv=x\n[y:vars]\nv=y\n[z:vars]\nv=z\n"),
		ini("children before groups", "[p:children]\nq\nr\n[r]\nh2\n[q]\nh1\n"),
		ini("ungrouped and all", "loose1\n[all:vars]\nx=1\n[ungrouped:vars]\ny=2\n[g]\nh\nloose2\n[all]\nloose3\n"),
		ini("odd group names", "[a-b]\nh1\n[1x]\nh2\n[a.b]\nh3\n[ä]\nh4\n"),
		ini("unicode", "[w]\nhöst1 näme=\"wért ü\" b='日本'\n"),
		ini("group and host of one name", "[web]\nweb a=1\nother\n[web:vars]\na=2\nb=2\n"),
		ini("templates", "[w]\nh a=\"{{ b }}\" b=1 c='{{ lookup(\"env\", \"HOME\") }}'\n[w:vars]\nd={{ inventory_hostname }}-x\ne={{ a | default('x') }}\n"),
		ini("priority in a tree", "[a]\nh\n[b]\nh\n[c:children]\na\n[a:vars]\nx=a\nansible_group_priority=1\n[b:vars]\nx=b\nansible_group_priority=5\n[c:vars]\nx=c\nansible_group_priority=99\n"),
		ini("mac line ends", "[w]\rh1 a=1\rh2\r"),
	}
}
