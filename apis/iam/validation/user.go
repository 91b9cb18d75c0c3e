package validation

import (
	"net/mail"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubellm/kubellm/apis/fieldcheck"
	"github.com/kubellm/kubellm/apis/iam"
)

// ValidateUser 校验一个用户。
func ValidateUser(user *iam.User) field.ErrorList {
	errs := fieldcheck.NotReserved(user.Name, field.NewPath("metadata", "name"))
	spec := field.NewPath("spec")
	errs = append(errs, fieldcheck.Length(user.Spec.DisplayName, maxDisplayName, spec.Child("displayName"))...)
	if user.Spec.Email != nil {
		errs = append(errs, validateEmail(*user.Spec.Email, spec.Child("email"))...)
	}
	return append(errs, validateGroups(user.Spec.Groups, spec.Child("groups"))...)
}

func validateGroups(groups []string, path *field.Path) field.ErrorList {
	if errs := fieldcheck.Count(len(groups), maxGroups, path); len(errs) > 0 {
		return errs
	}
	var errs field.ErrorList
	for i, group := range groups {
		errs = append(errs, validateGroupName(group, path.Index(i))...)
	}
	return append(errs, fieldcheck.Distinct(groups, path)...)
}

// validateEmail 只接受裸地址；"名字 <地址>" 的写法会让同一邮箱有多种写法，选择器就失灵了。
func validateEmail(email string, path *field.Path) field.ErrorList {
	if len(email) > maxEmail {
		return field.ErrorList{field.TooLong(path, email, maxEmail)}
	}
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email {
		return field.ErrorList{field.Invalid(path, email, "must be a mail address of the form name@domain")}
	}
	if domain := email[strings.LastIndexByte(email, '@')+1:]; strings.HasPrefix(domain, "[") {
		return field.ErrorList{field.Invalid(path, email, "must name a domain, not an address literal")}
	}
	return nil
}
