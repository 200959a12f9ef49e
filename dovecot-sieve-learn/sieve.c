/*
 * The Sieve extension vnd.gatepost.learn, for IMAPSieve scripts (RFC 6785):
 *
 *	learn "spam";  learn "ham";  unlearn;
 *
 * The message of the script is put among the user's references and handed over in the
 * background, as the mail plugin does with moves.  Of several in one script the first
 * counts.  Keeps the implicit keep.  Where the user's service does not teach, as at
 * delivery, it warns and does nothing.
 */
#include "dovecot-sieve-learn/compat.h"

#include <sieve-common.h>
#include <sieve-actions.h>
#include <sieve-ast.h>
#include <sieve-code.h>
#include <sieve-code-dumper.h>
#include <sieve-commands.h>
#include <sieve-extensions.h>
#include <sieve-generator.h>
#include <sieve-interpreter.h>
#include <sieve-result.h>
#include <sieve-validator.h>

#include "dovecot-sieve-learn/learner.h"
#include "dovecot-sieve-learn/worker.h"
#include "lib/proto/learn.h"

GP_PLUGIN_EXPORT extern const char *sieve_gatepost_learn_plugin_version;
GP_PLUGIN_EXPORT GP_SIEVE_LOADED sieve_gatepost_learn_plugin_load(struct sieve_instance *svinst,
								  void **context);
GP_PLUGIN_EXPORT void sieve_gatepost_learn_plugin_unload(struct sieve_instance *svinst,
							 void *context);
GP_PLUGIN_EXPORT void sieve_gatepost_learn_plugin_init(void);
GP_PLUGIN_EXPORT void sieve_gatepost_learn_plugin_deinit(void);

const char *sieve_gatepost_learn_plugin_version = PIGEONHOLE_ABI_VERSION;

static const struct sieve_extension_def learn_extension;

/* What can be said: one operation for each, so that a script's binary holds no text. */
static bool learn_dump(const struct sieve_dumptime_env *denv, sieve_size_t *address);
static int learn_execute(const struct sieve_runtime_env *renv, sieve_size_t *address);

#define OPERATION(number, name)                                                            \
	{.mnemonic = name, .ext_def = &learn_extension, .code = number, .dump = learn_dump, \
	 .execute = learn_execute}
static const struct sieve_operation_def spam_operation = OPERATION(0, "LEARN-SPAM");
static const struct sieve_operation_def ham_operation = OPERATION(1, "LEARN-HAM");
static const struct sieve_operation_def unlearn_operation = OPERATION(2, "UNLEARN");
static const struct sieve_operation_def *const operations[] = {
	&spam_operation, &ham_operation, &unlearn_operation};

static const struct {
	const char *word; /* argument of "learn"; NULL: the command "unlearn" */
	char class_code;
} classes[] = {
	{"spam", GP_LEARN_SPAM},
	{"ham", GP_LEARN_HAM},
	{NULL, GP_LEARN_UNLEARN},
};

static bool learn_dump(const struct sieve_dumptime_env *denv, sieve_size_t *address)
{
	sieve_code_dumpf(denv, "%s", sieve_operation_mnemonic(denv->oprtn));
	return true;
}

/* The action */

static int learn_check_duplicate(const struct sieve_runtime_env *renv,
				 const struct sieve_action *act, const struct sieve_action *other)
{
	return 1; /* the first counts */
}

static void learn_print(const struct sieve_action *action,
			const struct sieve_result_print_env *penv, bool *keep)
{
	const char *code = action->context;

	sieve_result_action_printf(penv, "learn as %s",
				   *code == GP_LEARN_SPAM ? "spam" :
				   *code == GP_LEARN_HAM ? "ham" : "neither");
}

static int teach(struct gp_learner *learner, struct mail *mail, char class_code)
{
	struct gp_ref_move move = {.to = {.class_code = class_code, .time = (uint32_t)ioloop_time}};
	struct mailbox_metadata metadata;
	struct mailbox_status status;

	if (mail->uid == 0 ||
	    mailbox_get_metadata(mail->box, MAILBOX_METADATA_GUID, &metadata) < 0)
		return -1;
	mailbox_get_open_status(mail->box, STATUS_UIDVALIDITY, &status);
	memcpy(move.to.place.guid, metadata.guid, sizeof(move.to.place.guid));
	move.to.place.uid = mail->uid;
	move.to.uidvalidity = status.uidvalidity;
	gp_worker_hint(gp_learner_worker(learner), mail->box, move.to.place.guid);
	gp_worker_add(gp_learner_worker(learner), &move, 1);
	return 0;
}

static int learn_commit(const struct sieve_action_exec_env *aenv, void *tr_context)
{
	const char *code = aenv->action->context;
	struct mail *mail = aenv->exec_env->msgdata->mail, *backend;
	struct gp_learner *learner = gp_learner_get(aenv->exec_env->scriptenv->user, false);

	if (mail_get_backend_mail(mail, &backend) == 0)
		mail = backend;
	if (learner == NULL)
		sieve_result_warning(aenv, "learn: only what a user moves is learned");
	else if (teach(learner, mail, *code) < 0)
		sieve_result_warning(aenv, "learn: the message is gone");
	return SIEVE_EXEC_OK; /* a user's move never fails because of us */
}

static const struct sieve_action_def learn_action = {
	.name = "learn",
	.check_duplicate = learn_check_duplicate,
	.print = learn_print,
	.commit = learn_commit,
};

static int learn_execute(const struct sieve_runtime_env *renv, sieve_size_t *address)
{
	unsigned int which = renv->oprtn->def->code;

	if (sieve_result_add_action(renv, renv->oprtn->ext, NULL, &learn_action, NULL,
				    p_memdup(sieve_result_pool(renv->result),
					     &classes[which].class_code, 1), 0, true) < 0)
		return SIEVE_EXEC_FAILURE;
	return SIEVE_EXEC_OK;
}

/* The commands */

static bool learn_validate(struct sieve_validator *valdtr, struct sieve_command *cmd)
{
	struct sieve_ast_argument *arg = cmd->first_positional;

	if (!sieve_validate_positional_argument(valdtr, cmd, arg, "class", 1, SAAT_STRING) ||
	    !sieve_validator_argument_activate(valdtr, cmd, arg, true))
		return false;
	for (unsigned int i = 0; i < N_ELEMENTS(classes); i++) {
		if (classes[i].word != NULL && sieve_argument_is_string_literal(arg) &&
		    strcmp(sieve_ast_argument_strc(arg), classes[i].word) == 0) {
			cmd->data = POINTER_CAST(i);
			return true;
		}
	}
	sieve_argument_validate_error(valdtr, arg, "learn: the class must be \"spam\" or \"ham\"");
	return false;
}

static bool unlearn_validate(struct sieve_validator *valdtr, struct sieve_command *cmd)
{
	cmd->data = POINTER_CAST(unlearn_operation.code);
	return true;
}

static bool learn_generate(const struct sieve_codegen_env *cgenv, struct sieve_command *cmd)
{
	sieve_operation_emit(cgenv->sblock, cmd->ext,
			     operations[POINTER_CAST_TO(cmd->data, unsigned int)]);
	return true;
}

static const struct sieve_command_def learn_command = {
	.identifier = "learn",
	.type = SCT_COMMAND,
	.positional_args = 1,
	.validate = learn_validate,
	.generate = learn_generate,
};

static const struct sieve_command_def unlearn_command = {
	.identifier = "unlearn",
	.type = SCT_COMMAND,
	.validate = unlearn_validate,
	.generate = learn_generate,
};

static bool learn_validator_load(const struct sieve_extension *ext, struct sieve_validator *valdtr)
{
	sieve_validator_register_command(valdtr, ext, &learn_command);
	sieve_validator_register_command(valdtr, ext, &unlearn_command);
	return true;
}

static const struct sieve_extension_def learn_extension = {
	.name = "vnd.gatepost.learn",
	.version = 1,
	.validator_load = learn_validator_load,
	SIEVE_EXT_DEFINE_OPERATIONS(operations),
};

GP_SIEVE_LOADED sieve_gatepost_learn_plugin_load(struct sieve_instance *svinst, void **context)
{
	return gp_sieve_register(svinst, &learn_extension, context);
}

void sieve_gatepost_learn_plugin_unload(struct sieve_instance *svinst, void *context)
{
	sieve_extension_unregister(context);
}

void sieve_gatepost_learn_plugin_init(void)
{
}

void sieve_gatepost_learn_plugin_deinit(void)
{
}
