import { useQuery } from "@apollo/client/react";
import { Limits, UpdateProfile, type RefusalFragment } from "@roost/client";
import { useRoost } from "@roost/client/react";
import { useId, useState, type FormEvent, type ReactNode } from "react";
import { Dialog } from "../ui/dialog.tsx";
import { errorFor, Field } from "../ui/field.tsx";
import { say, sayError } from "../ui/toast.tsx";

interface EditProfileProps {
  readonly user: { readonly name: string; readonly bio: string; readonly websiteUrl: string | null };
  readonly onClose: () => void;
}

/** Changes the viewer's name, bio and website. */
export function EditProfile({ user, onClose }: EditProfileProps): ReactNode {
  const roost = useRoost();
  const { data } = useQuery(Limits, { fetchPolicy: "cache-first" });
  const [errors, setErrors] = useState<readonly RefusalFragment[]>([]);
  const [busy, setBusy] = useState(false);
  const [bio, setBio] = useState(user.bio);
  const id = useId();
  const most = data?.limits.bioLength ?? 160;
  const left = most - Array.from(bio).length;
  const save = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const website = String(form.get("websiteUrl")).trim();
    setBusy(true);
    try {
      const input = { name: String(form.get("name")), bio, websiteUrl: website === "" ? null : /^[a-z]+:/i.test(website) ? website : `https://${website}` };
      const result = await roost.act(UpdateProfile, { input });
      if (result.ok) {
        onClose();
        say("Your profile is changed.");
      } else {
        setErrors(result.userErrors);
      }
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  const bioError = errorFor(errors, "bio");
  return (
    <Dialog title="Edit profile" onClose={onClose}>
      <form className="form" onSubmit={(event) => void save(event)}>
        <Field label="Name" name="name" defaultValue={user.name} maxLength={(data?.limits.nameLength ?? 50) * 2} error={errorFor(errors, "name")} />
        <div className="field">
          <label htmlFor={id}>About you</label>
          <textarea id={id} name="bio" rows={3} value={bio} aria-describedby={`${id}-hint`} onChange={(event) => setBio(event.target.value)} />
          <p className={left < 0 ? "field-error" : "field-hint"} id={`${id}-hint`}>
            {bioError ?? `${left} characters left`}
          </p>
        </div>
        <Field label="Website" name="websiteUrl" type="text" inputMode="url" defaultValue={user.websiteUrl ?? ""} error={errorFor(errors, "websiteUrl")} />
        <div className="dialog-foot">
          <button type="button" className="button button-plain" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button" disabled={busy || left < 0}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
